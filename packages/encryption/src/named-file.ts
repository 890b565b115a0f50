import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import type { KeyAccess } from './key-access.ts'

/** Throws CONFIG_INVALID: `Unable to read file: open X: no such file or directory`, as ocicrypt. */
export async function readNamedFile(
  path: string,
  access: KeyAccess,
  problem = 'Unable to read file: ',
): Promise<Uint8Array> {
  try {
    return await access.readFile(path)
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code === undefined) throw cause
    const operation = code === 'EISDIR' ? 'read' : 'open'
    const message = `${problem}${operation} ${path}: ${systemErrorText(cause)}`
    throw new TransloadError('CONFIG_INVALID', message, { cause })
  }
}
