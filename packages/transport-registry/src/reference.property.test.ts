import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseRegistryReference } from './reference.ts'

const samples = [
  '//host.example:5000/team/app:1',
  '//busybox',
  `//a/b:c@sha256:${'0'.repeat(64)}`,
  '//host.example/app@@unknown-digest@@',
]

test('a reference is refused with a code, or its text parses to an equal one', () => {
  fc.assert(
    fc.property(textLike(samples), (text) => {
      const parsed = outcome(() => parseRegistryReference(text))
      if ('code' in parsed) expect(parsed.code).toBe('REFERENCE_INVALID')
      else expect(parseRegistryReference(parsed.value.text)).toEqual(parsed.value)
    }),
  )
})
