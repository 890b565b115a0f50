import type { Stage } from '@transload/contract'

/** One block of the input, in order. Its bytes are overwritten some time after it was encoded. */
export interface Block {
  readonly bytes: Buffer
  /** The block before, for as long as the call lasts. */
  readonly previous: Buffer | undefined
  readonly isLast: boolean
}

/** Of one layer. The thread pool has four threads, and other layers want some; each block is held in memory. */
const blocksAtOnce = 3

/**
 * A stage that encodes its input in blocks of `blockBytes`, several at once in the thread pool, and yields them in
 * order. The output depends on the input alone, not on how that came in chunks. Without any input there is one empty
 * block.
 */
export function blockwise(blockBytes: number, encode: (block: Block) => Promise<Uint8Array>): Stage {
  return async function* (input) {
    const flying: Promise<Uint8Array>[] = []
    try {
      for await (const block of blocks(input, blockBytes)) {
        flying.push(encode(block))
        if (flying.length === blocksAtOnce) yield await flying.shift()!
      }
      while (flying.length > 0) yield await flying.shift()!
    } finally {
      await Promise.allSettled(flying)
    }
  }
}

/**
 * Blocks lie in buffers that take turns, as fresh ones would be most of what a copy leaves to the garbage collector.
 * There is one more than blocks are encoded at once: by the time a buffer's turn comes again its block is done with.
 * A full block is held back until it is known whether it is the last.
 */
async function* blocks(input: AsyncIterable<Uint8Array>, blockBytes: number): AsyncGenerator<Block> {
  const buffers: Buffer[] = []
  let count = 0
  let current: Buffer = (buffers[0] = Buffer.allocUnsafeSlow(blockBytes))
  let previous: Buffer | undefined
  let size = 0
  for await (const chunk of input) {
    for (let rest = chunk; rest.length > 0;) {
      if (size === blockBytes) {
        yield { bytes: current, previous, isLast: false }
        previous = current
        current = buffers[++count % (blocksAtOnce + 1)] ??= Buffer.allocUnsafeSlow(blockBytes)
        size = 0
      }
      const taken = rest.subarray(0, blockBytes - size)
      current.set(taken, size)
      size += taken.length
      rest = rest.subarray(taken.length)
    }
  }
  yield { bytes: current.subarray(0, size), previous, isLast: true }
}
