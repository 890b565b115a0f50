import { expect, test } from 'vitest'

import { duplicateKey } from './duplicate-key.ts'

test.each([
  ['{"a":1,"b":{"a":1}}', undefined],
  ['{"a":"a","b":["a","a",{"b":1}]}', undefined],
  ['{"a":1,"a":2}', 'a'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"x":[{"b":1 , "c":"}", "b" :2}]}', 'b'],
  ['{"x":"\\"","x":1}', 'x'],
])('the member named twice in %s', (json, expected) => {
  expect(duplicateKey(json)).toBe(expected)
})
