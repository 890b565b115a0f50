import { constants, open } from 'node:fs/promises'

import { systemErrorCode, TransloadError } from '@transload/contract'

import type { ReadRange } from './file-tree.ts'

const chunkBytes = 512 * 1024

/**
 * The bytes of a plain file, as `ReadableTree.read` describes. One chunk is read ahead, so that disk and receiver work
 * at the same time; two are held. Never waits for a writer: a FIFO where a file should be is an error, not a hang.
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
  const stop = Math.min(end, info.size)
  let position = start
  const readNext = async (): Promise<Uint8Array> => {
    const length = Math.min(chunkBytes, stop - position)
    // A fresh buffer each time: chunks belong to the receiver.
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position)
    position += bytesRead
    return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
  }
  let next = position < stop ? readNext() : undefined
  try {
    while (next) {
      const chunk = await next
      signal?.throwIfAborted()
      if (chunk.length === 0) return
      next = position < stop ? readNext() : undefined
      yield chunk
    }
  } finally {
    // A read-ahead nobody waits for any more may have failed too.
    await next?.catch(() => {})
  }
}

function explainMissing(path: string): (cause: unknown) => never {
  return (cause) => {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new TransloadError('IO', `open ${path}: no such file or directory`, { cause })
  }
}
