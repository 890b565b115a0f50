import { read } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

import { readGpgKeyring, readKeyProviders } from '@transload/config'
import { TransloadError } from '@transload/contract'
import type { CopyOptions } from '@transload/core'
import type { KeyAccess } from '@transload/encryption'

import { intsFlag, stringsFlag, type FlagValues } from '../arguments/flag.ts'
import type { CommandContext } from '../context.ts'
import { prefixError } from '../prefix-error.ts'

export const encryptionFlags = {
  encryptionKey: stringsFlag(
    'encryption-key',
    'Encrypt layers for this key or recipient: jwe:PUBLIC-KEY-FILE, pgp:NAME, pkcs7:CERTIFICATE-FILE or provider:NAME',
    { placeholder: 'PROTOCOL:KEY' },
  ),
  encryptLayer: intsFlag(
    'encrypt-layer',
    'Encrypt only these layers: 0 is the first layer, -1 is the last layer. (default is all layers)',
  ),
  decryptionKey: stringsFlag(
    'decryption-key',
    'Decrypt layers with this private key (and certificate); PASSWORD is pass=PASSWORD, file=FILE, fd=NUMBER or itself',
    { placeholder: 'FILE[:PASSWORD]' },
  ),
}

export type EncryptionValues = FlagValues<typeof encryptionFlags>

type EncryptionOptions = Pick<CopyOptions, 'encryptor' | 'encryptLayers' | 'decryptor'>

/** Reads the keys. Throws USAGE, and `Invalid encryption keys: …` or `Invalid decryption keys: …`. */
export async function resolveEncryption(
  { encryptionKey = [], encryptLayer = [], decryptionKey = [] }: EncryptionValues,
  context: CommandContext,
): Promise<EncryptionOptions> {
  if (encryptionKey.length > 0 && decryptionKey.length > 0) {
    throw new TransloadError('USAGE', '--encryption-key and --decryption-key cannot be specified together')
  }
  if (encryptLayer.length > 0 && encryptionKey.length === 0) {
    throw new TransloadError('USAGE', '--encrypt-layer can only be used with --encryption-key')
  }
  if (encryptionKey.length === 0 && decryptionKey.length === 0) return {}
  const { createLayerDecryptor, createLayerEncryptor, readDecryptionKeys, readRecipients } =
    await import('@transload/encryption')
  const doing = encryptionKey.length > 0 ? 'encryption' : 'decryption'
  try {
    const access = await keyAccess(context)
    if (doing === 'decryption') {
      return { decryptor: createLayerDecryptor(await readDecryptionKeys(decryptionKey, access)) }
    }
    const recipients = await readRecipients(encryptionKey, access, context)
    return { encryptor: createLayerEncryptor(recipients), encryptLayers: encryptLayer }
  } catch (error) {
    context.signal.throwIfAborted()
    throw prefixError(`Invalid ${doing} keys`, error)
  }
}

const maxPasswordBytes = 64

async function keyAccess({ directory, locations }: CommandContext): Promise<KeyAccess> {
  return {
    readFile: (path) => readFile(resolve(directory, path)),
    readDescriptor: async (descriptor) => {
      const { bytesRead, buffer } = await promisify(read)(descriptor, { buffer: Buffer.alloc(maxPasswordBytes) })
      return buffer.subarray(0, bytesRead)
    },
    readKeyring: (options) => readGpgKeyring(locations, options),
    keyProviders: await readKeyProviders(locations, directory),
  }
}
