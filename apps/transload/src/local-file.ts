import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import type { CommandContext } from './context.ts'

/** A file named on the command line. Throws IO, in skopeo's words: `PROBLEM: open X: no such file or directory`. */
export async function readLocalFile(
  path: string,
  problem: string,
  { directory, signal }: Pick<CommandContext, 'directory' | 'signal'>,
): Promise<Uint8Array> {
  try {
    return await readFile(resolve(directory, path), { signal })
  } catch (cause) {
    signal.throwIfAborted()
    const operation = systemErrorCode(cause) === 'EISDIR' ? 'read' : 'open'
    throw new TransloadError('IO', `${problem}: ${operation} ${path}: ${systemErrorText(cause)}`, { cause })
  }
}
