import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { systemErrorCode, TransloadError } from '@transload/contract'

/**
 * The absolute `path` of an image with its symbolic links resolved. Its last element need not exist, but its parent
 * must: throws IO with `lstat PARENT: no such file or directory`.
 */
export async function resolveImagePath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
  const parent = dirname(path)
  try {
    return join(await realpath(parent), basename(path))
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new TransloadError('IO', `lstat ${parent}: no such file or directory`, { cause })
  }
}

/** Trust-policy scopes of an image at an absolute path: the path, then each directory above it but the root. */
export function pathPolicyScopes(path: string): string[] {
  const scopes = [path]
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) scopes.push(above)
  return scopes
}
