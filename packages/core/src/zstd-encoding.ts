import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'

import type { Stage } from '@transload/contract'

const compressFrame = promisify(zstdCompress)

const frameBytes = 4 * 1024 * 1024
const framesAtOnce = 3

/**
 * Frames of 4 MiB, compressed three at a time in the thread pool: half the time of one long frame. The output depends
 * on the input alone, not on how it was cut into chunks.
 */
export function encodeZstd(level = 3): Stage {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return async function* (input) {
    const flying: Promise<Uint8Array>[] = []
    try {
      for await (const bytes of frames(input)) {
        flying.push(compressFrame(bytes, { params }))
        if (flying.length === framesAtOnce) yield await flying.shift()!
      }
      while (flying.length > 0) yield await flying.shift()!
    } finally {
      await Promise.allSettled(flying)
    }
  }
}

/** The input cut every {@link frameBytes}; one empty frame if there is no input, which is what zstd makes of nothing. */
async function* frames(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let size = 0
  let isFirst = true
  for await (const chunk of input) {
    let rest = chunk
    while (size + rest.length >= frameBytes) {
      const cut = frameBytes - size
      yield Buffer.concat([...held, rest.subarray(0, cut)])
      isFirst = false
      rest = rest.subarray(cut)
      held = []
      size = 0
    }
    if (rest.length === 0) continue
    held.push(rest)
    size += rest.length
  }
  if (size > 0 || isFirst) yield Buffer.concat(held)
}
