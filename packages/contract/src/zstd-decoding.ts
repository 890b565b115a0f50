import { byteReader, type ByteReader } from './byte-reader.ts'
import { TransloadError } from './errors.ts'
import { coalesce, throughTransform } from './streams.ts'

/**
 * Decodes a zstd stream of any number of frames (RFC 8878 §3), skippable ones left out. Node's decoder stops at the end
 * of the first frame without a word, so frames are told apart here and each gets a decoder of its own. Throws IO for
 * data that is cut off or has no frame where one should begin, zlib's own error for a damaged frame.
 */
export async function* decodeZstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Not before it is needed: every program that has anything to do with images loads this file.
  const { createZstdDecompress } = await import('node:zlib')
  const decodeFrame = throughTransform(() => createZstdDecompress({ chunkSize: 256 * 1024 }))
  const reader = byteReader(input)
  try {
    for (;;) {
      const magic = await reader.take(4)
      if (!magic) return
      const number = magic.readUInt32LE()
      if (number === frameMagic) yield* decodeFrame(coalesce(readFrame(magic, reader)))
      else if (number >>> 4 === skippableMagic >>> 4) await skipFrame(reader)
      else throw new TransloadError('IO', 'invalid zstd magic number')
    }
  } finally {
    await reader.close()
  }
}

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50

/** The bytes of one frame, its magic number already taken. */
async function* readFrame(magic: Uint8Array, reader: ByteReader): AsyncGenerator<Uint8Array> {
  const descriptor = await take(reader, 1)
  const flags = descriptor[0]!
  const isSingleSegment = (flags & 0x20) !== 0
  const windowBytes = isSingleSegment ? 0 : 1
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >>> 6]!
  yield magic
  yield descriptor
  yield* reader.pass(windowBytes + dictionaryBytes + contentSizeBytes)
  for (let isLast = false; !isLast;) {
    const header = await take(reader, 3)
    const value = header.readUIntLE(0, 3)
    isLast = (value & 1) !== 0
    const isRunOfOneByte = ((value >>> 1) & 3) === 1
    yield header
    yield* reader.pass(isRunOfOneByte ? 1 : value >>> 3)
  }
  const hasChecksum = (flags & 4) !== 0
  if (hasChecksum) yield* reader.pass(4)
}

async function skipFrame(reader: ByteReader): Promise<void> {
  const length = await take(reader, 4)
  for await (const _ of reader.pass(length.readUInt32LE())) continue
}

async function take(reader: ByteReader, length: number): Promise<Buffer> {
  const bytes = await reader.take(length)
  if (!bytes) throw new TransloadError('IO', 'unexpected end of data')
  return bytes
}
