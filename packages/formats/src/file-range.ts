import type { FileHandle } from 'node:fs/promises'

import { TransloadError, type OperationOptions } from '@transload/contract'

const chunkBytes = 256 * 1024

/**
 * Bytes `start` up to, not including, `end` of an open file, in chunks of 256 KiB that are the receiver's to keep. One
 * is read ahead, so that disk and receiver work at the same time. Throws IO when the file ends before. Several may
 * read one handle at once.
 */
export async function* readFileRange(
  handle: FileHandle,
  start: number,
  end: number,
  { signal }: OperationOptions = {},
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  let position = start
  const readNext = async (): Promise<Uint8Array> => {
    const length = Math.min(chunkBytes, end - position)
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position)
    if (bytesRead === 0) throw new TransloadError('IO', 'unexpected end of file')
    position += bytesRead
    return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
  }
  let next = position < end ? readNext() : undefined
  try {
    while (next) {
      const chunk = await next
      signal?.throwIfAborted()
      next = position < end ? readNext() : undefined
      // Its failure is reported when its turn comes.
      next?.catch(() => {})
      yield chunk
    }
  } finally {
    await next?.catch(() => {})
  }
}
