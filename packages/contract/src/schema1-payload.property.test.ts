import { bytesLike, fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { schema1Payload } from './schema1-payload.ts'

const base64Url = (value: string): string => Buffer.from(value).toString('base64url')
const header = { formatLength: 10, formatTail: base64Url('}'), time: '2020-01-01T00:00:00Z' }
const signed = (head: string): object => ({ schemaVersion: 1, signatures: [{ protected: base64Url(head) }] })

test('a signed manifest has a payload, or is refused with a code', () => {
  const manifests = fc.oneof(
    jsonLike([signed(JSON.stringify(header))]),
    jsonLike([header]).map((head) => JSON.stringify(signed(head))),
    bytesLike([Buffer.from(JSON.stringify(signed(JSON.stringify(header))))]),
  )
  fc.assert(
    fc.property(manifests, (manifest) => {
      const bytes = Buffer.from(manifest)
      const payload = outcome(() => schema1Payload(bytes))
      if ('code' in payload) expect(payload.code).toBe('MANIFEST_INVALID')
      else expect(payload.value.length).toBeLessThanOrEqual(2 * bytes.length)
    }),
  )
})
