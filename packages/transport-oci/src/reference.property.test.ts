import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseOciReference } from './reference.ts'

test('a reference is refused with a code, or its text parses to an equal one', () => {
  const text = textLike(['/a/b:c', 'layout:app/x:1', 'd:@2', `d:@sha256:${'0'.repeat(64)}`, 'C:\\a:b', ':', ''])
  fc.assert(
    fc.property(text, (given) => {
      const parsed = outcome(() => parseOciReference(given, '/work'))
      if ('code' in parsed) expect(parsed.code).toBe('REFERENCE_INVALID')
      else expect(parseOciReference(parsed.value.text, '/work')).toEqual(parsed.value)
    }),
  )
})
