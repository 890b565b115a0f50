import type { StoredSignature } from '@transload/contract'
import { bytesLike, fc, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { encodeSignatureFile, parseSignatureFile } from './signature-file.ts'

const samples = [
  Buffer.from('\0sigstore-json\n{"mimeType":"a/b","payload":"AAEC","annotations":{"a":"b"}}'),
  Buffer.from('\0simple-signing\nanything'),
  Buffer.from([0xa3, 1, 2, 3]),
]

test('a signature is refused with a code, or comes back from the file it is written to', () => {
  fc.assert(
    fc.property(bytesLike(samples), (bytes) => {
      const parsed = outcome(() => parseSignatureFile(bytes, 'signature-1'))
      if ('code' in parsed) {
        expect(parsed.code).toBe('SIGNATURE_INVALID')
        return
      }
      expect(plain(parseSignatureFile(encodeSignatureFile(parsed.value), 'signature-1'))).toEqual(plain(parsed.value))
    }),
  )
})

/** Bytes compare as bytes, whatever holds them. */
function plain(signature: StoredSignature): unknown {
  return signature.kind === 'simple'
    ? { ...signature, bytes: Buffer.from(signature.bytes) }
    : { ...signature, payload: Buffer.from(signature.payload) }
}
