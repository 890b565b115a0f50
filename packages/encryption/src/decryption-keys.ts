import type { KeyObject } from 'node:crypto'

import { TransloadError } from '@transload/contract'

import { parseCertificate, type Certificate } from './certificate.ts'
import type { KeyAccess } from './key-access.ts'
import type { KeyProvider } from './key-provider.ts'
import { readNamedFile } from './named-file.ts'
import { checkPgpSecretKeys, looksLikePgpKeys, type PgpSecretKeys } from './pgp.ts'
import { parsePrivateKey } from './private-key.ts'
import { parseProviders } from './provider-names.ts'

/** What layers are decrypted with. */
export interface DecryptionKeys {
  /** For JWE and PKCS #7. */
  readonly privateKeys?: readonly KeyObject[]
  /** The recipients' own, for PKCS #7. */
  readonly certificates?: readonly Certificate[]
  readonly pgp?: readonly PgpSecretKeys[]
  readonly providers?: readonly KeyProvider[]
}

/**
 * From `FILE[:PASSWORD]` and `provider:NAME[:ARGUMENT]`, as on ocicrypt's command lines. A file is a private key, a
 * certificate, or OpenPGP secret keys; others are passed over, for directories of keys hold more than keys. A
 * password is `pass=PASSWORD`, `file=FILE`, `fd=NUMBER` or itself. A configured key provider is asked even if nobody
 * names it. Throws CONFIG_INVALID; no message holds a password.
 */
export async function readDecryptionKeys(texts: readonly string[], access: KeyAccess): Promise<DecryptionKeys> {
  const privateKeys: KeyObject[] = []
  const certificates: Certificate[] = []
  const pgp: PgpSecretKeys[] = []
  const providers: string[] = []
  for (const text of texts) {
    if (text.startsWith(providerPrefix)) {
      providers.push(text.slice(providerPrefix.length))
      continue
    }
    const [, path = text, secret] = /^([^:]*):(.*)$/s.exec(text) ?? []
    const password = secret === undefined ? undefined : await readPassword(secret, access)
    const bytes = await readNamedFile(path, access, '')
    const privateKey = parsePrivateKey(bytes, password, path)
    const certificate = parseCertificate(bytes)
    if (privateKey) privateKeys.push(privateKey)
    if (certificate) certificates.push(certificate)
    if (!privateKey && !certificate && (await isPgp(bytes))) pgp.push({ bytes, password })
  }
  const named = parseProviders(providers, access)
  const others = Object.entries(access.keyProviders ?? {})
    .filter(([name]) => !named.some((provider) => provider.name === name))
    .map(([name, call]) => ({ name, call, parameters: [] }))
  return { privateKeys, certificates, pgp, providers: [...named, ...others] }
}

const providerPrefix = 'provider:'
const maxDescriptorPasswordBytes = 64

async function readPassword(text: string, access: KeyAccess): Promise<Uint8Array> {
  if (text.startsWith('file=')) return await readNamedFile(text.slice(5), access, '')
  if (text.startsWith('pass=')) return Buffer.from(text.slice(5))
  if (!text.startsWith('fd=')) return Buffer.from(text)
  const descriptor = Number(text.slice(3))
  if (!/^\d{1,9}$/.test(text.slice(3)) || !access.readDescriptor) {
    throw new TransloadError('CONFIG_INVALID', 'could not parse file descriptor: fd= has to be followed by a number')
  }
  try {
    return (await access.readDescriptor(descriptor)).subarray(0, maxDescriptorPasswordBytes)
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', `could not read from file descriptor ${descriptor}`, { cause })
  }
}

async function isPgp(bytes: Uint8Array): Promise<boolean> {
  if (!looksLikePgpKeys(bytes)) return false
  try {
    await checkPgpSecretKeys(bytes)
    return true
  } catch {
    return false
  }
}
