import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'

import type { GnupgHome } from './gnupg-home.ts'

export const reference = 'example.com/team/app:1'
export const manifestBytes = Buffer.from('{"schemaVersion":2}')
export const payload = payloadOf(digestOf(manifestBytes))

/** For gpg: to make a key or a signature then. */
export const in2024 = ['--faked-system-time', '20240101T000000!']

export interface Signed {
  readonly file: string
  /** Whose signatures are trusted. */
  readonly keys: readonly string[]
}

export interface SignOptions {
  readonly flags?: readonly string[]
  readonly command?: string
  readonly content?: string
  readonly keys?: readonly string[]
}

/** What gpg makes of the content by `command`, with `flags` before it. */
export async function signedBy(
  home: GnupgHome,
  key: string,
  { flags = [], command = '--sign', content = payload, keys = [key] }: SignOptions = {},
): Promise<Signed> {
  const [file, input] = [newPath(home), newPath(home)]
  await writeFile(input, content)
  await home.gpg(...flags, '--local-user', key, '--output', file, command, input)
  return { file, keys }
}

export async function changed(signed: Promise<Signed>, change: (bytes: Buffer) => Uint8Array): Promise<Signed> {
  const { file, keys } = await signed
  await writeFile(file, change(await readFile(file)))
  return { file, keys }
}

const unprotected = ['--pinentry-mode', 'loopback', '--passphrase', '']

/** Of 2024; `expires` is a date or `never`. */
export async function makeOldKey(home: GnupgHome, name: string, expires: string): Promise<string> {
  await home.gpg(...unprotected, ...in2024, '--quick-gen-key', name, 'ed25519', 'sign', expires)
  return await fingerprintOf(home, name)
}

/** The subkey signs; the fingerprint is that of the primary key. */
export async function makeKeyWithSubkey(home: GnupgHome): Promise<string> {
  const key = await home.makeKey('Of a subkey', 'ed25519')
  await home.addSigningKey(key, 'ed25519')
  return key
}

export async function makeKeyCertifiedWithSha1(home: GnupgHome): Promise<string> {
  const how = ['--cert-digest-algo=SHA1', '--quick-gen-key', 'Certified', 'rsa2048', 'sign', 'never']
  await home.gpg(...unprotected, ...how)
  return await fingerprintOf(home, 'Certified')
}

/** By a key that expired, and got more time since. */
export async function signedBySincePutOff(home: GnupgHome): Promise<Signed> {
  const key = await makeOldKey(home, 'Put off', '2024-06-01')
  const signed = await signedBy(home, key, { flags: in2024 })
  await home.gpg(...unprotected, '--quick-set-expire', key, '20y')
  return signed
}

/** By a key whose first name was revoked. */
export async function signedByRenamed(home: GnupgHome): Promise<Signed> {
  const key = await home.makeKey('One <one@example.com>', 'ed25519')
  await home.gpg(...unprotected, '--quick-add-uid', key, 'Other <other@example.com>')
  await home.gpg(...unprotected, '--quick-revoke-uid', key, 'One <one@example.com>')
  return await signedBy(home, key)
}

export async function signedByExpiredSubkey(home: GnupgHome): Promise<Signed> {
  const key = await makeOldKey(home, 'Of expired', 'never')
  await home.gpg(...unprotected, ...in2024, '--quick-add-key', key, 'ed25519', 'sign', '2024-06-01')
  return await signedBy(home, key, { flags: in2024 })
}

/** By a key revoked since, for one of the reasons that gpg numbers. */
export async function signedByRevoked(home: GnupgHome, reason: string): Promise<Signed> {
  const key = await home.makeKey(`Revoked for ${reason}`, 'ed25519')
  const signed = await signedBy(home, key)
  await edit(home, key, ['revkey', 'y', reason, '', 'y', 'save'])
  return signed
}

/** By a key that another one, which its owner named for that, has revoked since. */
export async function signedByRevokedByAnother(home: GnupgHome): Promise<Signed> {
  const key = await home.makeKey('Revoked by another', 'ed25519')
  const revoker = await home.makeKey('Revoker', 'ed25519')
  await edit(home, key, ['addrevoker', revoker, 'y', 'save'])
  const signed = await signedBy(home, key)
  const revocation = newPath(home)
  await answer(home, ['y', '0', '', 'y'], '--output', revocation, '--desig-revoke', key)
  await home.gpg('--import', revocation)
  return { ...signed, keys: [key, revoker] }
}

/** By a key that has since been made one that only certifies. */
export async function signedByOtherUse(home: GnupgHome): Promise<Signed> {
  const key = await home.makeKey('Other use', 'rsa2048')
  const signed = await signedBy(home, key)
  await edit(home, key, ['change-usage', 'S', 'Q', 'save'])
  return signed
}

export async function signedAndEncrypted(home: GnupgHome, key: string): Promise<Signed> {
  await home.gpg(...unprotected, '--quick-gen-key', 'Recipient', 'default', 'default', 'never')
  return await signedBy(home, key, { flags: ['--trust-model=always', '--recipient=Recipient', '--encrypt'] })
}

async function edit(home: GnupgHome, key: string, answers: readonly string[]): Promise<void> {
  await answer(home, answers, '--edit-key', key)
}

/** Runs gpg with a line for each thing it asks. */
async function answer(home: GnupgHome, answers: readonly string[], ...words: readonly string[]): Promise<void> {
  const file = newPath(home)
  await writeFile(file, answers.map((line) => `${line}\n`).join(''))
  await home.gpg(...unprotected, '--no-batch', '--yes', '--command-file', file, ...words)
}

async function fingerprintOf(home: GnupgHome, name: string): Promise<string> {
  const listed = await home.gpg('--with-colons', '--list-keys', name)
  return /^fpr:+([0-9A-F]+):/m.exec(listed)![1]!
}

export function payloadOf(digest: string): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': reference },
      image: { 'docker-manifest-digest': digest },
      type: 'atomic container signature',
    },
    optional: { creator: 'atomic 1', timestamp: 1_700_000_000 },
  })
}

function newPath(home: GnupgHome): string {
  return join(home.path, randomUUID())
}
