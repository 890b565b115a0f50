import { readFile } from 'node:fs/promises'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

/** The text of a file; undefined when there is none. Throws IO when it is there and cannot be read. */
export async function readConfigFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new TransloadError('IO', `open ${path}: ${systemErrorText(cause)}`, { cause })
  }
}
