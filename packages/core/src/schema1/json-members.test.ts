import { expect, it } from 'vitest'

import { encodeMembers, parseMembers } from './json-members.ts'

it.each([
  ['{}', '{}'],
  ['{ "b" : 1.50 ,\n"a": [ 1e3 , {"2": "x", "1": "y"} ] }', '{"a":[1e3,{"2":"x","1":"y"}],"b":1.50}'],
  [String.raw`{"a": "\u00e9 \" \\", "text": "a, b: {c}"}`, String.raw`{"a":"\u00e9 \" \\","text":"a, b: {c}"}`],
  ['{"a": "<&>\u2028"}', String.raw`{"a":"\u003c\u0026\u003e\u2028"}`],
  [String.raw`{"\u0061<": null, "é": 12345678901234567890}`, String.raw`{"a\u003c":null,"é":12345678901234567890}`],
  ['{"a": 1, "a": 2}', '{"a":2}'],
  ['{"a": ":", "b": {}}', '{"a":":","b":{}}'],
])('%s', (text, encoded) => {
  expect(encodeMembers(parseMembers(text, 'text'))).toBe(encoded)
})

it.each(['', '[]', '{"a":}', 'null'])('refuses %j', (text) => {
  expect(() => parseMembers(text, 'config')).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})
