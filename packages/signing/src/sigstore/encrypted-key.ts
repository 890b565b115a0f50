import { createPrivateKey, randomBytes, scrypt, type KeyObject, type ScryptOptions } from 'node:crypto'

import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { displayText, parseJsonObject, TransloadError } from '@transload/contract'

/** What a key is encrypted with. An empty one is a passphrase, too. */
export type Passphrase = string | Uint8Array

interface ScryptParameters {
  readonly N: number
  readonly r: number
  readonly p: number
}

const written: ScryptParameters = { N: 65_536, r: 8, p: 1 }

/** No others: they cost memory and time before anything is known of who wrote them. */
const acceptedN: readonly unknown[] = [32_768, 65_536, 131_072]

const writtenType = 'ENCRYPTED COSIGN PRIVATE KEY'
const acceptedTypes: readonly string[] = [writtenType, 'ENCRYPTED SIGSTORE PRIVATE KEY']

const keyBytes = 32
const saltBytes = 32
const nonceBytes = 24
/** An RSA key of 16 384 bits has 13 KiB. */
const maxCiphertextBytes = 64 * 1024

/**
 * The private key in a file of cosign, skopeo or ours (trust.md §3.5). Throws DECRYPTION_FAILED where the passphrase is
 * wrong, CONFIG_INVALID where the file is.
 */
export async function decryptPrivateKey(pem: Uint8Array, passphrase: Passphrase): Promise<KeyObject> {
  const pkcs8 = await openBox(parseKeyFile(pem), passphrase)
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw invalid('parsing private key: it is not PKCS #8', { cause })
  } finally {
    pkcs8.fill(0)
  }
}

/** The text of such a file. */
export async function encryptPrivateKey(key: KeyObject, passphrase: Passphrase): Promise<string> {
  const salt = randomBytes(saltBytes)
  const nonce = randomBytes(nonceBytes)
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' })
  const ciphertext = xsalsa20poly1305(await deriveKey(passphrase, salt, written), nonce).encrypt(pkcs8)
  pkcs8.fill(0)
  const box = {
    kdf: { name: 'scrypt', params: written, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  }
  const body = Buffer.from(JSON.stringify(box))
    .toString('base64')
    .match(/.{1,64}/g)!
  return [`-----BEGIN ${writtenType}-----`, ...body, `-----END ${writtenType}-----`, ''].join('\n')
}

/** The key, still encrypted, of the content of its file. Throws CONFIG_INVALID. */
export function parseKeyFile(pem: Uint8Array): SecretBox {
  return parseBox(decodePem(pem))
}

interface SecretBox {
  readonly parameters: ScryptParameters
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
}

function decodePem(pem: Uint8Array): string {
  const text = Buffer.from(pem).toString('latin1')
  const begin = /^-----BEGIN ([^-\r\n]+)-----[ \t]*\r?$/m.exec(text)
  const type = begin?.[1]
  if (begin === null || type === undefined) throw invalid('invalid pem block')
  if (!acceptedTypes.includes(type)) {
    throw invalid(`unsupported pem type: ${displayText(type)}`, {
      hint: 'Keys are expected as "transload generate-sigstore-key" or "cosign generate-key-pair" writes them, or as "cosign import-key-pair" makes them from others.',
    })
  }
  const start = begin.index + begin[0].length
  const end = text.indexOf(`-----END ${type}-----`, start)
  const body = text.slice(start, Math.max(start, end)).replaceAll(/\s/g, '')
  if (end < 0 || !isBase64(body)) throw invalid('invalid pem block')
  return Buffer.from(body, 'base64').toString()
}

function parseBox(json: string): SecretBox {
  const box = parseJsonObject(json, 'decrypt: the encrypted key', 'CONFIG_INVALID')
  const kdf = member(box, 'kdf')
  const cipher = member(box, 'cipher')
  if (kdf['name'] !== 'scrypt') throw invalid('decrypt: encrypted: unsupported key derivation')
  if (cipher['name'] !== 'nacl/secretbox') throw invalid('decrypt: encrypted: unsupported cipher')
  const { N, r, p } = member(kdf, 'params')
  if (!acceptedN.includes(N) || r !== 8 || p !== 1) {
    throw invalid('decrypt: encrypted: unsupported scrypt parameters', {
      hint: 'Accepted are N = 32768, 65536 or 131072 with r = 8 and p = 1.',
    })
  }
  return {
    parameters: { N: N as number, r, p },
    salt: bytesOf(kdf, 'salt', { least: 1, most: 1024 }),
    nonce: bytesOf(cipher, 'nonce', { least: nonceBytes, most: nonceBytes }),
    ciphertext: bytesOf(box, 'ciphertext', { least: 16, most: maxCiphertextBytes }),
  }
}

function member(object: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = object[name]
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw invalid(`decrypt: encrypted: ${name} is missing`)
}

function bytesOf(
  object: Readonly<Record<string, unknown>>,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): Uint8Array {
  const value = object[name]
  const bytes = typeof value === 'string' && isBase64(value) ? Buffer.from(value, 'base64') : undefined
  if (bytes && bytes.length >= least && bytes.length <= most) return bytes
  throw invalid(`decrypt: encrypted: ${name} is invalid`)
}

async function openBox({ parameters, salt, nonce, ciphertext }: SecretBox, passphrase: Passphrase): Promise<Buffer> {
  const key = await deriveKey(passphrase, salt, parameters)
  try {
    return Buffer.from(xsalsa20poly1305(key, nonce).decrypt(ciphertext))
  } catch (cause) {
    throw new TransloadError('DECRYPTION_FAILED', 'decrypt: encrypted: decryption failed', {
      cause,
      hint: 'The passphrase is not the one of this key, or the file was changed.',
    })
  }
}

async function deriveKey(passphrase: Passphrase, salt: Uint8Array, { N, r, p }: ScryptParameters): Promise<Uint8Array> {
  // Of what it needs, Node allows a third.
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r }
  return await new Promise((resolve, reject) => {
    scrypt(passphrase, salt, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function invalid(problem: string, options?: { readonly cause?: unknown; readonly hint?: string }): TransloadError {
  return new TransloadError('CONFIG_INVALID', problem, options)
}
