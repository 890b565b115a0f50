import type { KeyObject } from 'node:crypto'

import { TransloadError } from '@transload/contract'
import type { GeneralJWE } from 'jose'

import type { KeyUnwrapper, KeyWrapper } from './key-wrapper.ts'

export interface JweRecipient {
  readonly key: KeyObject
  /** How the key is wrapped (RFC 7518 §4.1). */
  readonly algorithm: string
}

const keyAlgorithms = ['RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW']
const contentAlgorithms = ['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A192GCM', 'A256GCM']

/** `declared` is the `alg` of a JWK. Throws CONFIG_INVALID for keys and algorithms that JWE cannot be made with. */
export function jweRecipient(key: KeyObject, declared?: string): JweRecipient {
  const usual: Readonly<Partial<Record<string, string>>> = { rsa: 'RSA-OAEP', ec: 'ECDH-ES+A256KW' }
  const algorithm = declared ?? usual[key.asymmetricKeyType ?? '']
  if (algorithm !== undefined && keyAlgorithms.includes(algorithm)) return { key, algorithm }
  const what = declared ?? `${key.asymmetricKeyType} key`
  throw new TransloadError('CONFIG_INVALID', `${what} is an unsupported JWE key algorithm`, {
    hint: 'Layers can be encrypted for RSA and EC (P-256, P-384, P-521) keys.',
  })
}

/** One JWE in the general JSON serialization, for all recipients. */
export function createJweWrapper(recipients: readonly JweRecipient[]): KeyWrapper {
  return {
    scheme: 'jwe',
    wrap: async (options) => {
      const { GeneralEncrypt } = await import('jose/jwe/general/encrypt')
      const encryption = new GeneralEncrypt(options).setProtectedHeader({ enc: 'A256GCM' })
      for (const { key, algorithm } of recipients) {
        encryption.addRecipient(key).setUnprotectedHeader({ alg: algorithm })
      }
      try {
        return Buffer.from(JSON.stringify(await encryption.encrypt()))
      } catch (cause) {
        const message = `JWE Encrypt failed: ${cause instanceof Error ? cause.message : String(cause)}`
        throw new TransloadError('CONFIG_INVALID', message, { cause })
      }
    },
  }
}

export function createJweUnwrapper(privateKeys: readonly KeyObject[]): KeyUnwrapper {
  return {
    scheme: 'jwe',
    holdsPrivateKeys: true,
    unwrap: async (wrapped, operation) => {
      const { generalDecrypt } = await import('jose/jwe/general/decrypt')
      const jwe = generalForm(wrapped)
      for (const key of privateKeys) {
        operation?.signal?.throwIfAborted()
        try {
          const { plaintext } = await generalDecrypt(jwe, key, {
            keyManagementAlgorithms: keyAlgorithms,
            contentEncryptionAlgorithms: contentAlgorithms,
          })
          return plaintext
        } catch {
          // The next key may be the one.
        }
      }
      throw new TransloadError('DECRYPTION_FAILED', 'JWE: No suitable private key found for decryption')
    },
  }
}

/** Go's library writes the flattened form for one recipient. */
function generalForm(wrapped: Uint8Array): GeneralJWE {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(wrapped).toString())
  } catch {
    // Judged below.
  }
  if (typeof json !== 'object' || json === null) {
    throw new TransloadError('DECRYPTION_FAILED', 'jose.ParseEncrypted failed')
  }
  if ('recipients' in json) return json as GeneralJWE
  const { header, encrypted_key, ...shared } = json as Record<string, unknown>
  return { ...shared, recipients: [{ header, encrypted_key }] } as GeneralJWE
}
