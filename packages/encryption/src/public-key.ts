import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

import { jweRecipient, type JweRecipient } from './jwe.ts'

/** From a public key in PEM, DER or JWK; undefined if the bytes are something else. Throws CONFIG_INVALID (jwe.ts). */
export function parseJweRecipient(bytes: Uint8Array): JweRecipient | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined
  const key = readPublicKey(bytes, text, jwk)
  if (!key) return undefined
  return jweRecipient(key, typeof jwk?.['alg'] === 'string' && jwk['alg'] !== '' ? jwk['alg'] : undefined)
}

function parseJwk(text: string): JsonWebKey | undefined {
  try {
    return JSON.parse(text) as JsonWebKey
  } catch {
    return undefined
  }
}

function readPublicKey(bytes: Uint8Array, text: string, jwk: JsonWebKey | undefined): KeyObject | undefined {
  try {
    // Node would make a public key of a private one; a private key given here is a mistake.
    if (jwk) return jwk['d'] === undefined ? createPublicKey({ key: jwk, format: 'jwk' }) : undefined
    if (text.includes('-----BEGIN')) {
      return text.includes('-----BEGIN PUBLIC KEY-----') ? createPublicKey(Buffer.from(bytes)) : undefined
    }
    return createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
