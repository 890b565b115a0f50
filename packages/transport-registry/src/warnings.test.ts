import { expect, test } from 'vitest'

import { parseWarnings } from './warnings.ts'

test.each([
  ['299 - "old client"', ['old client']],
  ['299 - "say \\"hi\\" \\\\ bye"', ['say "hi" \\ bye']],
  ['199 - "other code"', []],
  ['299 agent "other agent"', []],
  ['299 - "stray " quote"', []],
  ['299 - "two", 299 - "warnings"', []],
  ['299 - "control \u0007"', []],
  ['299 - ""', ['']],
])('%j', (line, texts) => {
  expect(parseWarnings([line])).toEqual(texts)
})
