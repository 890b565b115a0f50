import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'

import { TransloadError } from '@transload/contract'

const derTypes = ['pkcs8', 'pkcs1', 'sec1'] as const

/**
 * A private key in PEM, DER or JWK; undefined if the bytes are something else. Throws CONFIG_INVALID, naming
 * `subject`, for an encrypted one without a password or with the wrong one.
 */
export function parsePrivateKey(
  bytes: Uint8Array,
  password: Uint8Array | undefined,
  subject: string,
): KeyObject | undefined {
  const text = Buffer.from(bytes).toString('latin1')
  if (/-----BEGIN (?:[A-Z0-9]+ )?(?:ENCRYPTED )?PRIVATE KEY-----/.test(text))
    return parsePem(bytes, text, password, subject)
  if (text.trimStart().startsWith('{')) return attempt(() => privateJwk(text))
  for (const type of derTypes) {
    const key = attempt(() => createPrivateKey({ key: Buffer.from(bytes), format: 'der', type }))
    if (key) return key
  }
  return undefined
}

function parsePem(
  bytes: Uint8Array,
  text: string,
  password: Uint8Array | undefined,
  subject: string,
): KeyObject | undefined {
  const isEncrypted = text.includes('DEK-Info:') || text.includes('BEGIN ENCRYPTED PRIVATE KEY')
  if (isEncrypted && password === undefined) throw wrong(subject, 'Missing password for encrypted private key')
  const passphrase = isEncrypted && password ? { passphrase: Buffer.from(password) } : {}
  const key = attempt(() => createPrivateKey({ key: Buffer.from(bytes), format: 'pem', ...passphrase }))
  if (isEncrypted && !key) throw wrong(subject, 'Wrong password: could not decrypt private key')
  return key
}

function privateJwk(text: string): KeyObject {
  return createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
}

/** OpenSSL's errors say nothing to a person, and may be about a secret. */
function attempt(parse: () => KeyObject): KeyObject | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

function wrong(subject: string, problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `${subject}: ${problem}`, {
    hint: 'The password follows the file: FILE:pass=PASSWORD, FILE:file=PATH or FILE:fd=NUMBER.',
  })
}
