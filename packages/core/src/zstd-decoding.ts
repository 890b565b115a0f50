import { createZstdDecompress } from 'node:zlib'

import { coalesce, throughTransform, TransloadError } from '@transload/contract'

const frameMagic = 0xfd2fb528
const isSkippable = (magic: number): boolean => (magic & 0xfffffff0) >>> 0 === 0x184d2a50

/**
 * Decodes a zstd stream whole: RFC 8878 lets it be any number of frames, and zstd:chunked layers have one for each
 * file. Node's decoder stops after the first without a word, so frames are told apart here, by their block headers,
 * and each gets a decoder of its own. Skippable frames are skipped.
 */
export async function* decodeZstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input)
  try {
    for (;;) {
      const start = await reader.read(4)
      if (start === undefined) return
      const magic = start.readUInt32LE()
      if (isSkippable(magic)) {
        const size = (await reader.require(4)).readUInt32LE()
        for await (const _ of reader.pass(size)) continue
      } else if (magic === frameMagic) {
        yield* decodeFrame(coalesce(frame(start, reader)))
      } else {
        throw broken('invalid zstd magic number')
      }
    }
  } finally {
    await reader.close()
  }
}

const decodeFrame = throughTransform(() => createZstdDecompress({ chunkSize: 256 * 1024 }))

/** The bytes of one frame, its magic number being read (RFC 8878 §3.1.1). */
async function* frame(magic: Buffer, reader: ByteReader): AsyncGenerator<Uint8Array> {
  const descriptor = await reader.require(1)
  const flags = descriptor[0]!
  const singleSegment = (flags & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][flags >> 6]!
  const rest = await reader.require((singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes)
  yield Buffer.concat([magic, descriptor, rest])
  for (let isLast = false; !isLast;) {
    const header = await reader.require(3)
    yield header
    const fields = header.readUIntLE(0, 3)
    isLast = (fields & 1) === 1
    const isRunLength = ((fields >> 1) & 3) === 1
    yield* reader.pass(isRunLength ? 1 : fields >> 3)
  }
  if ((flags & 4) !== 0) yield* reader.pass(4)
}

/** Cuts a stream of chunks where it is told to, copying as little as possible. */
class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  #chunk: Buffer = Buffer.alloc(0)

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#iterator = input[Symbol.asyncIterator]()
  }

  /** Exactly `count` bytes; undefined if the stream ended before the first. */
  async read(count: number): Promise<Buffer | undefined> {
    while (this.#chunk.length < count) {
      const { done, value } = await this.#iterator.next()
      if (done) {
        if (this.#chunk.length > 0) throw truncated()
        return undefined
      }
      this.#chunk = this.#chunk.length === 0 ? bufferOf(value) : Buffer.concat([this.#chunk, value])
    }
    const bytes = this.#chunk.subarray(0, count)
    this.#chunk = this.#chunk.subarray(count)
    return bytes
  }

  async require(count: number): Promise<Buffer> {
    if (count === 0) return Buffer.alloc(0)
    const bytes = await this.read(count)
    if (!bytes) throw truncated()
    return bytes
  }

  /** The next `count` bytes in the chunks they come in. */
  async *pass(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (this.#chunk.length === 0) {
        const { done, value } = await this.#iterator.next()
        if (done) throw truncated()
        this.#chunk = bufferOf(value)
      }
      const bytes = this.#chunk.subarray(0, left)
      this.#chunk = this.#chunk.subarray(bytes.length)
      left -= bytes.length
      yield bytes
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function truncated(): TransloadError {
  return broken('unexpected end of zstd data')
}

function broken(message: string): TransloadError {
  return new TransloadError('IO', message)
}
