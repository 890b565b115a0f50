import { constants, open } from 'node:fs/promises'

import { systemErrorCode, TransloadError } from '@transload/contract'

import { readFileRange } from './file-range.ts'
import type { ReadRange } from './file-tree.ts'

/**
 * The bytes of a plain file, as `ReadableTree.read` describes. Never waits for a writer: a FIFO where a file should be
 * is an error, not a hang.
 */
export async function* readFile(
  path: string,
  { start = 0, end = Infinity, signal }: ReadRange = {},
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  await using handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(explainMissing(path))
  const info = await handle.stat()
  if (!info.isFile()) {
    throw new TransloadError('IO', `read ${path}: is ${info.isDirectory() ? 'a directory' : 'not a regular file'}`)
  }
  yield* readFileRange(handle, start, Math.min(end, info.size), { signal })
}

function explainMissing(path: string): (cause: unknown) => never {
  return (cause) => {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new TransloadError('IO', `open ${path}: no such file or directory`, { cause })
  }
}
