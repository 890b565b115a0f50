import { parseDigest } from '@transload/contract'
import { expect, test } from 'vitest'

import { encodePayload, parsePayload } from './payload.ts'

const manifest = parseDigest(`sha256:${'12'.repeat(32)}`)
const type = 'atomic container signature'
const text = (optional: string): string =>
  `{"critical":{"identity":{"docker-reference":"example.com/app:1"},` +
  `"image":{"docker-manifest-digest":"${manifest}"},"type":"${type}"},"optional":${optional}}`

test('a payload is written as skopeo writes it, and read again', () => {
  const payload = { manifest, identity: 'example.com/app:1', creator: 'atomic 5.39.1', timestamp: 1_700_000_000 }
  const bytes = encodePayload(payload, type)
  expect(Buffer.from(bytes).toString()).toBe(text('{"creator":"atomic 5.39.1","timestamp":1700000000}'))
  expect(parsePayload(bytes, type)).toEqual(payload)
})

test.each([
  ['a member too many', text('{}').replace('"optional"', '"more":1,"optional"'), 'Unknown key "more"'],
  ['a member twice', text('{}').replace('"optional"', '"optional":{},"optional"'), 'Duplicate key "optional"'],
  ['a missing member', text('{}').replace(',"optional":{}', ''), 'Key "optional" missing in a JSON object'],
  ['another type', text('{}').replace(type, 'other'), 'Unrecognized signature type "other"'],
  ['a digest that is none', text('{}').replace(manifest, 'sha256:12'), 'invalid digest "sha256:12"'],
  ['nothing optional', text('null'), 'null where the signed payload has to have an object'],
  ['a creator that is no text', text('{"creator":1}'), '"creator" is not a string'],
  ['a time that is not whole', text('{"timestamp":1.5}'), '"timestamp" is not a whole number'],
  ['no JSON', '{', 'the signed payload is not valid JSON'],
])('%s is refused', (_, json, message) => {
  expect(() => parsePayload(Buffer.from(json), type)).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID', message }),
  )
})
