import { readFile, readlink } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Signer } from '@transload/contract'

import type { CommandContext } from './context.ts'
import { version } from './version.ts'

const creator = `transload ${version}`

/** Signs with a key of the user's GnuPG home. Throws what `createGpgSigner` throws. */
export async function openGpgSigner(
  key: string,
  passphrase: string | undefined,
  context: CommandContext,
): Promise<Signer> {
  const { createGpgSigner } = await import('@transload/signing/openpgp')
  const environment = await gpgEnvironment(context)
  return await createGpgSigner({ key, passphrase, environment, creator }, context)
}

/** Signs with an OpenPGP secret key in a file. Throws what `createKeyFileSigner` throws, and what reading throws. */
export async function openKeyFileSigner(
  path: string,
  passphrase: string | undefined,
  { directory, signal }: CommandContext,
): Promise<Signer> {
  const key = await readFile(resolve(directory, path), { signal })
  const { createKeyFileSigner } = await import('@transload/signing/openpgp')
  return await createKeyFileSigner({ key, passphrase, creator })
}

/** Signs with a key of Sequoia's key store. Throws what `createSqSigner` throws. */
export async function openSqSigner(
  key: string,
  passphrase: string | undefined,
  context: CommandContext,
): Promise<Signer> {
  const { createSqSigner } = await import('@transload/signing/openpgp')
  return await createSqSigner({ key, passphrase, environment: context.env, creator }, context)
}

/** With the terminal that gpg-agent may ask at, which gpg itself cannot see. */
async function gpgEnvironment({ env, stdin }: CommandContext): Promise<CommandContext['env']> {
  if (!stdin.isTTY || env['GPG_TTY'] !== undefined) return env
  const terminal = await readlink('/proc/self/fd/0').catch(() => undefined)
  return terminal === undefined ? env : { ...env, GPG_TTY: terminal }
}
