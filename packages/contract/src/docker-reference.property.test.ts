import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import {
  canonicalText,
  dockerPolicyScopes,
  familiarText,
  parseDockerReference,
  withDefaultTag,
} from './docker-reference.ts'

const samples = [
  'busybox',
  'library/busybox:1.36',
  'docker.io/vendor/app',
  'registry.example.com:5000/team/app-x__y:v1.2_3',
  `quay.io/a/b@sha256:${'0123456789abcdef'.repeat(4)}`,
  `localhost/a:tag@sha256:${'f'.repeat(64)}`,
]

test('a name is refused with a code, or parses to the same from each of its spellings', () => {
  fc.assert(
    fc.property(textLike(samples), (text) => {
      const parsed = outcome(() => parseDockerReference(text))
      if ('code' in parsed) {
        expect(parsed.code).toBe('REFERENCE_INVALID')
        return
      }
      const reference = parsed.value
      expect(parseDockerReference(canonicalText(reference))).toEqual(reference)
      expect(parseDockerReference(familiarText(reference))).toEqual(reference)
      expect(dockerPolicyScopes(withDefaultTag(reference))).toContain(reference.domain)
    }),
  )
})
