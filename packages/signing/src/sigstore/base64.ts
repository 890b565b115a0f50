import { invalidSignature } from '../invalid-signature.ts'

/** Standard base64 with its padding, line ends allowed; anything else throws SIGNATURE_INVALID: Node's decoder skips it. */
export function decodeBase64(text: string, subject: string): Buffer {
  const compact = text.replaceAll(/[\r\n]/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw invalidSignature(`${subject}: illegal base64 data`)
  }
  return Buffer.from(compact, 'base64')
}
