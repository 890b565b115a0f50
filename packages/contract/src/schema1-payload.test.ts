import { expect, it } from 'vitest'

import { schema1Payload } from './schema1-payload.ts'

const payload = `{
   "schemaVersion": 1,
   "name": "x/y",
   "tag": "1",
   "architecture": "amd64",
   "fsLayers": [],
   "history": []
}`
const kept = payload.slice(0, -2)

function signed(protectedHeader: unknown): Uint8Array {
  const encoded = Buffer.from(JSON.stringify(protectedHeader)).toString('base64url')
  return Buffer.from(`${kept},
   "signatures": [{ "header": {}, "signature": "", "protected": "${encoded}" }]
}`)
}

it('takes the signatures off a signed schema 1 manifest', () => {
  const bytes = signed({ formatLength: kept.length, formatTail: Buffer.from('\n}').toString('base64url'), time: '' })
  expect(Buffer.from(schema1Payload(bytes)).toString()).toBe(payload)
})

it.each([
  ['without a length', { formatTail: 'Cn0' }],
  ['with a length past the end', { formatLength: 1e6, formatTail: 'Cn0' }],
  ['with a negative length', { formatLength: -1, formatTail: 'Cn0' }],
])('refuses signatures %s', (_, header) => {
  expect(() => schema1Payload(signed(header))).toThrow('signature')
})
