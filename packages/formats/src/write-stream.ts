import type { FileHandle } from 'node:fs/promises'

import type { OperationOptions } from '@transload/contract'

export interface WriteStreamOptions extends OperationOptions {
  /** Where in the file the first byte goes. Default 0. */
  readonly position?: number
}

/** Bytes handed to the kernel at once: what a copy costs is the number of calls, not the number of bytes. */
const batchBytes = 512 * 1024

/**
 * Writes `body` to an open file and returns its size in bytes. One batch is being written while the next comes in,
 * so at most two are held. When it throws, nothing is being written any more; the handle stays the caller's to close.
 */
export async function writeStream(
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  { signal, position = 0 }: WriteStreamOptions = {},
): Promise<number> {
  let size = 0
  let batch: Uint8Array[] = []
  let held = 0
  let inFlight: Promise<void> = Promise.resolve()
  try {
    signal?.throwIfAborted()
    for await (const chunk of body) {
      signal?.throwIfAborted()
      batch.push(chunk)
      held += chunk.length
      if (held < batchBytes) continue
      await inFlight
      inFlight = writeWhole(handle, batch, held, position + size)
      // It is awaited above or below; until then a failure must not count as unhandled.
      inFlight.catch(() => {})
      size += held
      batch = []
      held = 0
    }
    await inFlight
    if (held > 0) await writeWhole(handle, batch, held, position + size)
    return size + held
  } finally {
    await inFlight.catch(() => {})
  }
}

/** A vectored write may be cut short, by a signal or a full disk; the rest goes, or fails, on its own. */
async function writeWhole(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  size: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, position)
  if (bytesWritten === size) return
  const rest = Buffer.concat(chunks, size)
  for (let written = bytesWritten; written < size;) {
    written += (await handle.write(rest, written, size - written, position + written)).bytesWritten
  }
}
