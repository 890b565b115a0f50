import { rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import { stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { writeNewFile } from '../new-file.ts'
import { print, printJson } from '../output.ts'
import { askPassphrase, readPassphraseFile } from '../passphrase.ts'

const flags = {
  keys: {
    outputPrefix: stringFlag('output-prefix', 'Write the keys to PREFIX.pub and PREFIX.private', {
      placeholder: 'PREFIX',
    }),
    passphraseFile: stringFlag('passphrase-file', 'Read a passphrase for the private key from FILE: its first line', {
      placeholder: 'FILE',
    }),
  },
}

const usage = 'Usage: generate-sigstore-key --output-prefix PREFIX'

export const generateSigstoreKey = defineCommand({
  name: 'generate-sigstore-key',
  description: `Generates a key pair for sigstore signatures: PREFIX.private, encrypted with a passphrase, and PREFIX.pub.

Without --passphrase-file the passphrase is asked for, once. Existing files are never overwritten.`,
  operands: '--output-prefix PREFIX',
  examples: ['generate-sigstore-key --output-prefix mykey'],
  flags,
  positionals: { least: 0, problem: usage },
  run: runGenerateSigstoreKey,
})

async function runGenerateSigstoreKey(
  { keys: { outputPrefix, passphraseFile } }: GroupValues<typeof flags>,
  _positionals: readonly string[],
  context: CommandContext,
): Promise<void> {
  if (!outputPrefix) throw new TransloadError('USAGE', usage)
  const { directory, globals, stdout, signal } = context
  const files = { publicKey: `${outputPrefix}.pub`, privateKey: `${outputPrefix}.private` }
  for (const file of [files.publicKey, files.privateKey]) await checkAbsence(file, directory)
  const passphrase =
    passphraseFile === undefined
      ? await askPassphrase(files.privateKey, context)
      : await readPassphraseFile(passphraseFile, context)
  const { generateKeyPairFiles } = await import('@transload/signing/sigstore')
  const keys = await generateKeyPairFiles(passphrase)
  signal.throwIfAborted()
  await writeKey('private', files.privateKey, keys.privateKey, directory)
  try {
    await writeKey('public', files.publicKey, keys.publicKey, directory)
  } catch (error) {
    await rm(resolve(directory, files.privateKey), { force: true })
    throw error
  }
  if (globals.json) return await printJson(stdout, files)
  const [privateKey, publicKey] = [files.privateKey, files.publicKey].map((file) => JSON.stringify(file))
  await print(stdout, `Key written to ${privateKey} and ${publicKey}\n`)
}

async function checkAbsence(file: string, directory: string): Promise<void> {
  try {
    await stat(resolve(directory, file))
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    throw fileError(`Error checking existence of ${JSON.stringify(file)}: stat ${file}`, error)
  }
  throw alreadyThere(file)
}

async function writeKey(kind: 'private' | 'public', file: string, key: string, directory: string): Promise<void> {
  try {
    await writeNewFile(resolve(directory, file), key, kind === 'private' ? 0o600 : 0o644)
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw alreadyThere(file)
    throw fileError(`Error writing ${kind} key to ${JSON.stringify(file)}: open ${file}`, error)
  }
}

function fileError(what: string, cause: unknown): TransloadError {
  return new TransloadError('IO', `${what}: ${systemErrorText(cause)}`, { cause })
}

function alreadyThere(file: string): TransloadError {
  return new TransloadError('USAGE', `Refusing to overwrite existing ${JSON.stringify(file)}`, {
    hint: 'Choose another --output-prefix, or move the file away.',
  })
}
