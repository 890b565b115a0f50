import { TransloadError, type Signer } from '@transload/contract'
import type { PrivateKey } from 'openpgp'

import { simpleSigner, type SimpleSignerOptions } from './simple-signer.ts'

export interface KeyFileSignerOptions extends SimpleSignerOptions {
  /** One OpenPGP secret key, binary or armored, as `gpg --export-secret-keys` writes it. */
  readonly key: Uint8Array
  /** Absent or empty: the key has to be there in the clear. */
  readonly passphrase?: string | undefined
}

/**
 * Signs with an exported key, without gpg (trust.md §2). Throws CONFIG_INVALID for what is no single key that can sign,
 * DECRYPTION_FAILED for a wrong or missing passphrase.
 */
export async function createKeyFileSigner(options: KeyFileSignerOptions): Promise<Signer> {
  const signingKey = await unlock(await readKey(options.key), options.passphrase)
  await checkUsable(signingKey)
  return simpleSigner(
    'simple signing',
    async (content) => {
      const { createMessage, sign } = await import('openpgp')
      const message = await createMessage({ binary: Uint8Array.from(content), filename: '' })
      return await sign({ message, signingKeys: signingKey, format: 'binary' })
    },
    options,
  )
}

async function readKey(bytes: Uint8Array): Promise<PrivateKey> {
  const { readPrivateKeys } = await import('openpgp')
  let keys: readonly PrivateKey[]
  try {
    const isArmored = Buffer.from(bytes.subarray(0, 1024)).includes('-----BEGIN PGP')
    keys = isArmored
      ? await readPrivateKeys({ armoredKeys: Buffer.from(bytes).toString() })
      : await readPrivateKeys({ binaryKeys: Uint8Array.from(bytes) })
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', 'not an OpenPGP secret key', {
      cause,
      hint: 'gpg --export-secret-keys KEY writes one.',
    })
  }
  const [key, another] = keys
  if (!key || another) {
    throw new TransloadError('CONFIG_INVALID', `${keys.length} OpenPGP secret keys where there should be one`)
  }
  return key
}

async function unlock(privateKey: PrivateKey, passphrase: string | undefined): Promise<PrivateKey> {
  // Of what is not in the file at all, as the primary key beside its exported subkeys, it is null.
  const locked = privateKey.getKeys().filter((key) => (key.isDecrypted() as boolean | null) === false)
  if (locked.length === 0) return privateKey
  if (!passphrase) {
    throw new TransloadError('DECRYPTION_FAILED', 'the secret key is protected by a passphrase', {
      hint: 'Give it with --sign-passphrase-file.',
    })
  }
  const { decryptKey } = await import('openpgp')
  try {
    return await decryptKey({ privateKey, passphrase })
  } catch (cause) {
    // It also checks the key, which nothing can be done about.
    if (!String(cause).includes('Incorrect key passphrase')) throw unusable(cause)
    throw new TransloadError('DECRYPTION_FAILED', 'Bad passphrase', { cause })
  }
}

async function checkUsable(key: PrivateKey): Promise<void> {
  try {
    await key.getSigningKey()
  } catch (cause) {
    throw unusable(cause)
  }
}

function unusable(cause: unknown): TransloadError {
  return new TransloadError('CONFIG_INVALID', 'Unusable secret key', {
    cause,
    hint: 'The key is expired, revoked, or not for signing.',
  })
}
