import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { systemErrorText, TransloadError } from '@transload/contract'

import type { CommandContext } from './context.ts'
import { prefixError } from './prefix-error.ts'
import { askSecret } from './prompt.ts'

/** The first line of the file, without its end; it may be empty. Throws IO. */
export async function readPassphraseFile(
  path: string,
  { directory, signal }: Pick<CommandContext, 'directory' | 'signal'>,
): Promise<string> {
  try {
    const text = await readFile(resolve(directory, path), { encoding: 'utf8', signal })
    return text.split('\n', 1)[0]!
  } catch (cause) {
    signal.throwIfAborted()
    throw new TransloadError('IO', `open ${path}: ${systemErrorText(cause)}`, { cause })
  }
}

/** Asked at the terminal. Throws USAGE where there is none. */
export async function askPassphrase(keyFile: string, context: CommandContext): Promise<string> {
  if (!context.stdin.isTTY) {
    throw new TransloadError(
      'USAGE',
      `Cannot prompt for a passphrase for key ${keyFile}, standard input is not a TTY`,
      { hint: 'Write the passphrase into a file and name that file.' },
    )
  }
  try {
    return await askSecret(`Passphrase for key ${keyFile}: `, context)
  } catch (error) {
    context.signal.throwIfAborted()
    throw prefixError('Error reading password', error)
  }
}
