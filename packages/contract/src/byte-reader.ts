import { TransloadError } from './errors.ts'

/** Takes a stream apart by lengths. Whoever makes one calls `close`. */
export interface ByteReader {
  /** The next `length` bytes; undefined when the stream is at its end. Throws IO when it ends within them. */
  take(length: number): Promise<Buffer | undefined>
  /** The next `length` bytes as they come. Throws IO when the stream ends within them. */
  pass(length: number): AsyncGenerator<Uint8Array>
  /** All that is left. */
  rest(): AsyncGenerator<Uint8Array>
  close(): Promise<void>
}

export function byteReader(input: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = input[Symbol.asyncIterator]()
  let chunk: Uint8Array = new Uint8Array(0)

  async function* pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (!(await fill())) throw new TransloadError('IO', 'unexpected end of data')
      const piece = chunk.subarray(0, left)
      chunk = chunk.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async function fill(): Promise<boolean> {
    while (chunk.length === 0) {
      const next = await iterator.next()
      if (next.done) return false
      chunk = next.value
    }
    return true
  }

  return {
    pass,
    async *rest() {
      for (; await fill(); chunk = chunk.subarray(chunk.length)) yield chunk
    },
    async take(length) {
      if (!(await fill())) return undefined
      if (chunk.length >= length) {
        const taken = Buffer.from(chunk.buffer, chunk.byteOffset, length)
        chunk = chunk.subarray(length)
        return taken
      }
      const pieces: Uint8Array[] = []
      for await (const piece of pass(length)) pieces.push(piece)
      return Buffer.concat(pieces, length)
    },
    async close() {
      await iterator.return?.()
    },
  }
}
