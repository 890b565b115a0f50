import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { parseJsonObject, TransloadError, type Digest, type Stage } from '@transload/contract'

import { decodeBase64 } from './base64.ts'

/** The only cipher there is: AES-256 in counter mode, then HMAC-SHA256 over the ciphertext with the same key. */
const cipherName = 'AES_256_CTR_HMAC_SHA256'
const keyBytes = 32
const nonceBytes = 16

/** Options of the cipher that are wrapped for the recipients: JSON with the key in it. */
export type PrivateOptions = Uint8Array

/** A layer's encryption with a key of its own. */
export interface LayerCipher {
  readonly privateOptions: PrivateOptions
  /** Used once. */
  readonly encrypt: Stage
  /** Options anyone may see, as JSON: the HMAC. Only after `encrypt` ended. */
  publicOptions(): string
}

/** `source` is the digest of the layer at its source: compressing comes between that and encryption. */
export function createLayerCipher(source: Digest): LayerCipher {
  const key = randomBytes(keyBytes)
  const nonce = randomBytes(nonceBytes)
  const cipherOptions = { nonce: nonce.toString('base64') }
  const options = { symkey: key.toString('base64'), digest: source, cipheroptions: cipherOptions }
  let code: Buffer | undefined
  return {
    privateOptions: Buffer.from(JSON.stringify(options)),
    encrypt: async function* (input) {
      const cipher = createCipheriv('aes-256-ctr', key, nonce)
      const hmac = createHmac('sha256', key)
      for await (const chunk of input) {
        const encrypted = cipher.update(chunk)
        hmac.update(encrypted)
        yield encrypted
      }
      code = hmac.digest()
    },
    publicOptions: () => {
      if (!code) throw new Error('the HMAC is known only after the layer has been read to its end')
      return JSON.stringify({ cipher: cipherName, hmac: code.toString('base64'), cipheroptions: {} })
    },
  }
}

/**
 * The stage that undoes {@link createLayerCipher}, used once. It throws DECRYPTION_FAILED after the last byte if the
 * HMAC is another. Throws DECRYPTION_FAILED for options that make no sense.
 */
export function layerDecipher(privateOptions: PrivateOptions, publicOptions: Uint8Array): Stage {
  const hidden = parseOptions(privateOptions, 'privOptsData')
  const open = parseOptions(publicOptions, 'pubOptsData')
  const { cipher } = open
  if (cipher === undefined || cipher === '') throw failed('no cipher type provided')
  if (cipher !== cipherName) throw failed(`unsupported cipher type: ${JSON.stringify(cipher).slice(0, 100)}`)
  const key = binary(hidden['symkey'])
  if (key?.length !== keyBytes) throw failed(`invalid key length of ${key?.length ?? 0} bytes; need ${keyBytes} bytes`)
  const nonce = binary(nonceOf(open)) ?? binary(nonceOf(hidden))
  if (nonce?.length !== nonceBytes) throw failed(`invalid nonce length of ${nonce?.length ?? 0} bytes`)
  const expected = binary(open['hmac'])
  if (!expected || expected.length === 0) throw failed('HMAC is not provided for decryption process')

  return async function* (input) {
    const decipher = createDecipheriv('aes-256-ctr', key, nonce)
    const hmac = createHmac('sha256', key)
    for await (const chunk of input) {
      hmac.update(chunk)
      yield decipher.update(chunk)
    }
    const actual = hmac.digest()
    if (expected.length === actual.length && timingSafeEqual(expected, actual)) return
    const codes = `exp hmac: '${expected.subarray(0, 64).toString('hex')}', actual hmac: '${actual.toString('hex')}'`
    throw failed(`could not properly decrypt byte stream; ${codes}`)
  }
}

function parseOptions(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  try {
    return parseJsonObject(bytes, name)
  } catch {
    // The cause would quote what may hold a key.
    throw failed(`could not JSON unmarshal ${name}`)
  }
}

function nonceOf({ cipheroptions }: Readonly<Record<string, unknown>>): unknown {
  return (cipheroptions as { readonly nonce?: unknown } | null | undefined)?.nonce
}

function binary(value: unknown): Buffer | undefined {
  return typeof value === 'string' ? decodeBase64(value) : undefined
}

function failed(message: string): TransloadError {
  return new TransloadError('DECRYPTION_FAILED', message)
}
