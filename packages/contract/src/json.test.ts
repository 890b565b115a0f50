import { expect, test } from 'vitest'

import { displayJson, encodeJson, parseJsonObject } from './json.ts'

test('JSON is what Go writes', () => {
  expect(encodeJson({ b: '<a&b>', a: undefined, c: ['\u2028'] })).toBe(
    '{"b":"\\u003ca\\u0026b\\u003e","c":["\\u2028"]}',
  )
  expect(encodeJson({ a: 1 }, '    ')).toBe('{\n    "a": 1\n}')
})

test.each([
  ['{"a":', 'it is not valid JSON'],
  ['[]', 'it is not a JSON object'],
  ['null', 'it is not a JSON object'],
  ['1', 'it is not a JSON object'],
  [Buffer.from('\u{feff}{}'), 'it is not valid JSON'],
  [Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 'it is not valid JSON'],
])('%o is refused', (bytes, problem) => {
  expect(() => parseJsonObject(bytes, 'it')).toThrow(
    expect.objectContaining({ message: problem, code: 'MANIFEST_INVALID' }),
  )
})

test('what is nested too deep to be written is refused', () => {
  const deep = parseJsonObject(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'it')
  expect(() => encodeJson(deep)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})

test('an object is read from bytes or text', () => {
  expect(parseJsonObject('{"a":1}', 'it')).toEqual({ a: 1 })
  expect(parseJsonObject(Buffer.from('{"ä":1}'), 'it')).toEqual({ ä: 1 })
})

test.each([
  ['a\u0085"', '"a?\\""'],
  [1.5, '1.5'],
  [null, 'null'],
  [undefined, 'undefined'],
  [JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown, 'a list'],
  [{ a: 1 }, 'an object'],
])('a value is shown in a message, whatever it is', (value, shown) => {
  expect(displayJson(value)).toBe(shown)
})
