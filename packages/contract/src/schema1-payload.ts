import { TransloadError } from './errors.ts'
import { parseJsonObject } from './json.ts'

/**
 * The bytes of a signed Docker schema 1 manifest that were signed, of which its digest is taken (formats.md §5.4):
 * libtrust's `protected` header says how many of the bytes were kept and what followed them. Nobody checks the
 * signatures: their keys were made for the occasion. Throws MANIFEST_INVALID if they cannot be taken off.
 */
export function schema1Payload(bytes: Uint8Array): Uint8Array {
  const { signatures } = parseJsonObject(bytes, 'manifest')
  const [first] = Array.isArray(signatures) ? (signatures as unknown[]) : []
  const encoded = (first as { protected?: unknown } | undefined)?.protected
  if (typeof encoded !== 'string') throw new TransloadError('MANIFEST_INVALID', 'no signatures')
  const { formatLength, formatTail } = parseJsonObject(decodeBase64Url(encoded), 'protected header of the signature')
  if (!Number.isSafeInteger(formatLength) || typeof formatTail !== 'string') {
    throw new TransloadError('MANIFEST_INVALID', 'invalid protected header of the signature')
  }
  const length = formatLength as number
  if (length < 0 || length > bytes.length) {
    throw new TransloadError('MANIFEST_INVALID', 'invalid format length in the signature')
  }
  return Buffer.concat([bytes.subarray(0, length), decodeBase64Url(formatTail)])
}

function decodeBase64Url(text: string): Uint8Array {
  return Buffer.from(text, 'base64url')
}
