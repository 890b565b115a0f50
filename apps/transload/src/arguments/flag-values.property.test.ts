import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseBool, parseDuration, parseInteger, parseUnsigned, splitCsvRecord } from './flag-values.ts'

test.each([
  ['bool', parseBool, ['true', 'F', '0']],
  ['integer', parseInteger, ['-12', '0x1F', '0b1_0', '9223372036854775807']],
  ['unsigned', parseUnsigned, ['12', '0o17', '18446744073709551615']],
  ['duration', parseDuration, ['1h2m3.5s', '-1µs', '0', '100ms']],
  ['record', splitCsvRecord, ['a,"b ""c""",d', '"x\ny",', ',']],
] as const)('a %s is refused with a code, or is read', (_, parse, samples) => {
  fc.assert(
    fc.property(textLike(samples), (text) => {
      const parsed = outcome((): unknown => parse(text, '--flag'))
      expect('code' in parsed ? parsed.code : parsed.value).toEqual('code' in parsed ? 'USAGE' : expect.anything())
    }),
  )
})
