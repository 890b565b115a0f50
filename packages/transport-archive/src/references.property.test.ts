import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseDockerArchiveReference } from './docker-archive-reference.ts'
import { parseOciArchiveReference } from './oci-archive-reference.ts'

const samples = ['/a/b.tar:app:1', 'a.tar:host.example:5000/app', 'a.tar:@1', 'a.tar:', 'a.tar', 'C:\\a.tar:b']

test.each([
  ['docker-archive', parseDockerArchiveReference],
  ['oci-archive', parseOciArchiveReference],
] as const)('a %s reference is refused with a code, or its text parses to an equal one', (_, parse) => {
  fc.assert(
    fc.property(textLike(samples), (text) => {
      const parsed = outcome(() => parse(text, '/work'))
      if ('code' in parsed) expect(parsed.code).toBe('REFERENCE_INVALID')
      else expect(parse(parsed.value.text, '/work')).toEqual(parsed.value)
    }),
  )
})
