import { createReadStream } from 'node:fs'

import { collect, errorMessage, TransloadError, type KeySource } from '@transload/contract'

/** More than the keyring of any distribution. */
const maxKeyFileBytes = 64 * 1024 * 1024

/** Throws CONFIG_INVALID in Go's words: `open /x: no such file or directory`; SIZE_LIMIT for what cannot be keys. */
export async function readKeySource(source: KeySource): Promise<Uint8Array> {
  if ('data' in source) return source.data
  try {
    return await collect(createReadStream(source.path), maxKeyFileBytes, source.path)
  } catch (cause) {
    if (TransloadError.is(cause)) throw cause
    throw new TransloadError('CONFIG_INVALID', errorMessage(cause), { cause })
  }
}
