import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'

import { TransloadError } from '@transload/contract'

import type { ByteRange } from './byte-range.ts'

const slabBytes = 512 * 1024

/**
 * Writes a part of a file to `output` and ends it. Two buffers take turns, one being read into while the other is
 * being sent: fresh ones for every read would be most of the memory of a registry that serves. So `output` must be
 * done with a chunk when it calls back, as sockets are. Throws NETWORK when it closes early.
 */
export async function sendFile(path: string, { start, end }: ByteRange, output: Writable): Promise<void> {
  await using handle = await open(path)
  const closed = Promise.withResolvers<never>()
  closed.promise.catch(() => {})
  const onClose = (): void => {
    if (!output.writableFinished) closed.reject(new TransloadError('NETWORK', 'the client went away'))
  }
  output.on('close', onClose)
  // Whoever hung up before is not heard of again.
  if (output.destroyed) onClose()
  try {
    const slabs = [Buffer.allocUnsafeSlow(slabBytes), Buffer.allocUnsafeSlow(slabBytes)] as const
    const sent: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()]
    let turn: 0 | 1 = 0
    for (let position = start; position <= end; turn = turn === 0 ? 1 : 0) {
      await Promise.race([sent[turn], closed.promise])
      const length = Math.min(slabBytes, end + 1 - position)
      const { bytesRead } = await handle.read(slabs[turn], 0, length, position)
      if (bytesRead === 0) throw new TransloadError('IO', `read ${path}: the file became shorter`)
      position += bytesRead
      sent[turn] = write(output, slabs[turn].subarray(0, bytesRead))
      sent[turn].catch(() => {})
    }
    output.end()
    await Promise.race([once(output, 'finish'), closed.promise])
  } finally {
    output.off('close', onClose)
  }
}

function write(output: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
