import { readFile } from 'node:fs/promises'

import { errorMessage, TransloadError, type KeySource } from '@transload/contract'

/** Throws CONFIG_INVALID in Go's words: `open /x: no such file or directory`. */
export async function readKeySource(source: KeySource): Promise<Uint8Array> {
  if ('data' in source) return source.data
  try {
    return await readFile(source.path)
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', errorMessage(cause), { cause })
  }
}
