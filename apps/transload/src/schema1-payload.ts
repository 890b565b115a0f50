import { guessMediaType, mediaTypes, parseJsonObject, TransloadError } from '@transload/contract'

/**
 * What the digest of a manifest is taken of: of a signed schema 1 manifest the bytes that were signed (libtrust's
 * pretty signature: `protected` says how many bytes were kept and what followed them), of anything else all of it.
 * Throws MANIFEST_INVALID for a signed manifest whose signatures cannot be taken off.
 */
export function unsignedManifest(bytes: Uint8Array): Uint8Array {
  if (guessMediaType(bytes) !== mediaTypes.dockerSchema1Signed) return bytes
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
