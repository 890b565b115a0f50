import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { peer } from '@transload/peers'

/** A GnuPG home of its own, without keys. */
export interface GnupgHome extends AsyncDisposable {
  readonly path: string
  /** Runs gpg there, in batch mode, and gives what it printed. */
  gpg(...words: readonly string[]): Promise<string>
  /** Makes a key that signs, which is not protected if the passphrase is empty. Its fingerprint. */
  makeKey(userId: string, algorithm: string, passphrase?: string): Promise<string>
  /** Adds a subkey that signs, to a key without a passphrase. */
  addSigningKey(fingerprint: string, algorithm: string): Promise<void>
  /** A file with the public keys, as policies name it. */
  exportPublic(...keys: readonly string[]): Promise<string>
  /** A file with one secret key. */
  exportSecret(key: string, passphrase?: string): Promise<string>
  /** Makes the agent forget passphrases. */
  forgetPassphrases(): Promise<void>
}

/** Below `/tmp`, so that the tools of the Debian root see it. */
export async function createGnupgHome(): Promise<GnupgHome> {
  const path = await mkdtemp(join(tmpdir(), 'transload-gnupg-'))
  const gpg = (...words: readonly string[]): Promise<string> =>
    peer('gpg').output(['--homedir', path, '--batch', '--quiet', '--no-tty', ...words])
  const stopAgent = (): Promise<unknown> => peer('gpgconf').output(['--homedir', path, '--kill', 'gpg-agent'])
  let files = 0
  const newFile = (): string => join(path, `export-${++files}.gpg`)
  return {
    path,
    gpg,
    async makeKey(userId, algorithm, passphrase = '') {
      await gpg(...unlocking(passphrase), '--quick-gen-key', userId, algorithm, 'sign', 'never')
      const listed = await gpg('--with-colons', '--list-secret-keys', userId)
      const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(listed)?.[1]
      if (fingerprint === undefined) throw new Error(`gpg made no key: ${listed}`)
      return fingerprint
    },
    async addSigningKey(fingerprint, algorithm) {
      await gpg(...unlocking(''), '--quick-add-key', fingerprint, algorithm, 'sign', 'never')
    },
    async exportPublic(...keys) {
      const file = newFile()
      await gpg('--output', file, '--export', ...keys)
      return file
    },
    async exportSecret(key, passphrase = '') {
      const file = newFile()
      await gpg(...unlocking(passphrase), '--armor', '--output', file, '--export-secret-keys', key)
      return file
    },
    async forgetPassphrases() {
      await stopAgent()
    },
    async [Symbol.asyncDispose]() {
      await stopAgent()
      await rm(path, { recursive: true, force: true })
    },
  }
}

function unlocking(passphrase: string): readonly string[] {
  return ['--pinentry-mode', 'loopback', '--passphrase', passphrase]
}
