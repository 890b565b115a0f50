import { TransloadError } from '@transload/contract'
import type { PartialConfig, PrivateKey, PublicKey, UserIDPacket } from 'openpgp'

import type { KeyUnwrapper, KeyWrapper } from './key-wrapper.ts'

export interface PgpRecipients {
  /** Names or mail addresses out of user IDs. */
  readonly names: readonly string[]
  /** The user's public keys, as `gpg --export` gives them. */
  readonly keyring: Uint8Array
}

/** A file of OpenPGP secret keys, binary or armored. */
export interface PgpSecretKeys {
  readonly bytes: Uint8Array
  readonly password: Uint8Array | undefined
}

/** What is wrapped is small; compressed messages must not become big. */
const config: PartialConfig = { maxDecompressedMessageSize: 64 * 1024, aeadProtect: false }

/** Whether a file can be one at all, without loading what reads it. */
export function looksLikePgpKeys(bytes: Uint8Array): boolean {
  return isArmored(bytes) || (bytes[0]! & 0x80) !== 0
}

/** Throws if they cannot be parsed. */
export async function checkPgpSecretKeys(bytes: Uint8Array): Promise<void> {
  await readSecretKeys(bytes)
}

/** One OpenPGP message for all recipients. */
export function createPgpWrapper({ names, keyring }: PgpRecipients): KeyWrapper {
  let keys: Promise<readonly PublicKey[]> | undefined
  return {
    scheme: 'pgp',
    wrap: async (options) => {
      const { createMessage, encrypt } = await import('openpgp')
      const encryptionKeys = [...(await (keys ??= findKeys(names, keyring)))]
      try {
        const message = await createMessage({ binary: Uint8Array.from(options) })
        return await encrypt({ message, encryptionKeys, format: 'binary', config })
      } catch (cause) {
        const problem = cause instanceof Error ? cause.message : String(cause)
        throw new TransloadError('CONFIG_INVALID', `PGP: cannot encrypt for ${names.join(', ')}: ${problem}`, { cause })
      }
    },
  }
}

export function createPgpUnwrapper(files: readonly PgpSecretKeys[]): KeyUnwrapper {
  let unlocked: Promise<readonly PrivateKey[]> | undefined
  return {
    scheme: 'pgp',
    holdsPrivateKeys: true,
    unwrap: async (wrapped) => {
      const { decrypt, readMessage } = await import('openpgp')
      const keys = await (unlocked ??= unlock(files))
      try {
        const message = await readMessage({ binaryMessage: Uint8Array.from(wrapped), config })
        const { data } = await decrypt({ message, decryptionKeys: [...keys], format: 'binary', config })
        return data
      } catch (cause) {
        throw new TransloadError('DECRYPTION_FAILED', 'PGP: No suitable key found to unwrap key', { cause })
      }
    },
  }
}

async function findKeys(names: readonly string[], keyring: Uint8Array): Promise<readonly PublicKey[]> {
  const keys = keyring.length === 0 ? [] : await readKeyring(keyring)
  const found = names.map((name) =>
    keys.filter(({ users }) => users.some(({ userID }) => userID && isNamed(userID, name))),
  )
  const missing = names.filter((_, index) => found[index]!.length === 0)
  if (missing.length === 0) return [...new Set(found.flat())]
  const list = missing.join(', ')
  throw new TransloadError(
    'CONFIG_INVALID',
    `unable to create entity list: PGP: No key found for the following recipients: ${list}`,
    {
      hint: 'A recipient is the name or the mail address of a key in the GnuPG keyring (gpg --list-keys).',
    },
  )
}

async function readKeyring(keyring: Uint8Array): Promise<readonly PublicKey[]> {
  const { readKeys } = await import('openpgp')
  try {
    return await readKeys({ binaryKeys: keyring, config: { ignoreMalformedPackets: true } })
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', 'PGP: the keyring cannot be read', { cause })
  }
}

/** A user ID without an address is all name, which openpgp does not see. */
function isNamed({ name, email, userID }: UserIDPacket, wanted: string): boolean {
  return [name, email, userID].includes(wanted)
}

async function readSecretKeys(bytes: Uint8Array): Promise<readonly PrivateKey[]> {
  const { readPrivateKeys } = await import('openpgp')
  if (isArmored(bytes)) return await readPrivateKeys({ armoredKeys: Buffer.from(bytes).toString() })
  return await readPrivateKeys({ binaryKeys: Uint8Array.from(bytes) })
}

/** Those that the password opens, or that need none. */
async function unlock(files: readonly PgpSecretKeys[]): Promise<readonly PrivateKey[]> {
  const { decryptKey } = await import('openpgp')
  const unlocked: PrivateKey[] = []
  for (const { bytes, password } of files) {
    const passphrase = password === undefined ? undefined : Buffer.from(password).toString()
    for (const privateKey of await readSecretKeys(bytes)) {
      if (privateKey.isDecrypted()) unlocked.push(privateKey)
      else if (passphrase !== undefined) {
        const key = await decryptKey({ privateKey, passphrase }).catch(() => undefined)
        if (key) unlocked.push(key)
      }
    }
  }
  return unlocked
}

function isArmored(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 200)).toString().trimStart().startsWith('-----BEGIN PGP')
}
