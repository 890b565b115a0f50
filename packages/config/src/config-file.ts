import { readFile } from 'node:fs/promises'

import { systemErrorCode, TransloadError } from '@transload/contract'

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

/** What went wrong, in the words Go's tools use, without the path. */
export function systemErrorText(error: unknown): string {
  const code = systemErrorCode(error) ?? ''
  return texts[code] ?? (code || String(error))
}

const texts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
}
