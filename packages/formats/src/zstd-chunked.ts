import { createHash } from 'node:crypto'

import type { Stage } from '@transload/contract'

import { CompressedText, type Compressed } from './compressed-text.ts'
import { ContentChunker, type ContentChunk } from './content-chunker.ts'
import { createCrc64 } from './crc64.ts'
import { TarSplitWriter } from './tar-split-writer.ts'
import { walkTar, type TarPieceEntry } from './tar-walk.ts'
import { createZstdFrames, type ZstdFrames } from './zstd-frames.ts'
import { tocEntries, type TocChunk } from './zstd-toc.ts'

/** Annotations of a layer that say where its table of contents is. */
export const zstdChunkedAnnotations = {
  tocDigest: 'io.github.containers.zstd-chunked.manifest-checksum',
  tocPosition: 'io.github.containers.zstd-chunked.manifest-position',
  tarSplitPosition: 'io.github.containers.zstd-chunked.tarsplit-position',
} as const

/** Makes one zstd:chunked layer. */
export interface ZstdChunkedEncoder {
  /** Compresses a tar. Used once. */
  readonly stage: Stage
  /** For the layer's descriptor: readers that pull parts of the layer need them. Only after the stage has ended. */
  annotations(): Readonly<Record<string, string>>
}

/**
 * A layer of which single files can be fetched: every file, and every chunk of a large one, is a zstd frame of its own,
 * and a table of contents with their places follows, in frames that plain decoders skip (formats.md §5.9). The output
 * depends on the input and the level alone. Besides a few frames the compressed table is held, some 100 bytes a file. Throws
 * IO for what is no tar, CONVERSION_IMPOSSIBLE for a tar with entries that the table can not hold.
 */
export function createZstdChunkedEncoder(level: number): ZstdChunkedEncoder {
  let annotations: Readonly<Record<string, string>> | undefined
  return {
    stage: async function* (input) {
      using encoder = createZstdFrames(level, { areBlocksShort: true })
      const toc = new CompressedText(encoder)
      const tarSplit = new CompressedText(encoder)
      let offset = 0
      await toc.add('{"version":1,"entries":[')
      const frames = layerFrames(input, tarSplit, new ContentEncoder(encoder))
      for await (const frame of inOrder(frames)) {
        const bytes = frame.bytes && (await frame.bytes)
        for (const entry of frame.placed?.(offset, offset + (bytes?.length ?? 0)) ?? []) {
          await toc.add(`${toc.hasEntries ? ',' : ''}${entry}`)
          toc.hasEntries = true
        }
        if (!bytes) continue
        offset += bytes.length
        yield bytes
      }
      const recipe = await tarSplit.end()
      await toc.add(`],"tarSplitDigest":"${digestOf(recipe.bytes)}"}`)
      const table = await toc.end()
      const tocOffset = offset + frameHeaderBytes
      const recipeOffset = tocOffset + table.bytes.length + frameHeaderBytes
      yield skippableFrame(table.bytes)
      yield skippableFrame(recipe.bytes)
      yield skippableFrame(footer(tocOffset, table, recipeOffset, recipe))
      annotations = {
        [zstdChunkedAnnotations.tocDigest]: digestOf(table.bytes),
        [zstdChunkedAnnotations.tocPosition]: `${tocOffset}:${table.bytes.length}:${table.plainBytes}:1`,
        [zstdChunkedAnnotations.tarSplitPosition]: `${recipeOffset}:${recipe.bytes.length}:${recipe.plainBytes}`,
      }
    },
    annotations: () => {
      if (!annotations) throw new Error('the annotations are known only after the layer has been written')
      return annotations
    },
  }
}

const frameHeaderBytes = 8
/** As in every encoder: the thread pool has four threads, and others want some. */
const framesAtOnce = 3
const maxHeaderFrameBytes = 256 * 1024

interface Frame {
  /** Absent for an entry without content, which only has to wait for its turn. */
  readonly bytes?: Promise<Uint8Array>
  /** Told where the frame came to lie; returns what can be said in the table of contents now. */
  readonly placed?: (offset: number, end: number) => readonly string[]
}

/** Runs ahead of who takes them by a few frames. */
async function* inOrder(frames: AsyncIterable<Frame>): AsyncGenerator<Frame> {
  const flying: Frame[] = []
  try {
    for await (const frame of frames) {
      flying.push(frame)
      if (flying.length > framesAtOnce) yield flying.shift()!
    }
    while (flying.length > 0) yield flying.shift()!
  } finally {
    await Promise.allSettled(flying.flatMap(({ bytes }) => bytes ?? []))
  }
}

async function* layerFrames(
  input: AsyncIterable<Uint8Array>,
  tarSplit: CompressedText,
  encoder: ContentEncoder,
): AsyncGenerator<Frame> {
  const recipe = new TarSplitWriter((line) => tarSplit.add(line))
  let headers: Uint8Array[] = []
  let headerBytes = 0
  function* flushHeaders(): Generator<Frame> {
    if (headerBytes > 0) yield { bytes: encoder.encode(headers, headerBytes) }
    headers = []
    headerBytes = 0
  }
  for await (const piece of walkTar(input)) {
    await recipe.segment(piece.raw)
    headers.push(piece.raw)
    headerBytes += piece.raw.length
    if (piece.kind === 'end') {
      for await (const bytes of piece.content) {
        await recipe.segment(bytes)
        headers.push(bytes)
        headerBytes += bytes.length
        if (headerBytes >= maxHeaderFrameBytes) yield* flushHeaders()
      }
      yield* flushHeaders()
    } else if (piece.contentBytes === 0) {
      const { header } = piece
      await recipe.file(header.name, 0, Buffer.alloc(0))
      if (headerBytes >= maxHeaderFrameBytes) yield* flushHeaders()
      yield { placed: () => tocEntries(header, undefined) }
    } else {
      yield* flushHeaders()
      yield* contentFrames(piece, recipe, encoder)
    }
  }
}

async function* contentFrames(
  { header, content, contentBytes }: TarPieceEntry,
  recipe: TarSplitWriter,
  encoder: ContentEncoder,
): AsyncGenerator<Frame> {
  const chunker = new ContentChunker()
  const crc = createCrc64()
  const whole = createHash('sha256')
  const placed: TocChunk[] = []
  const chunkFrame = (chunk: ContentChunk): Frame => {
    const { offset: chunkOffset, size, isZeros, pieces } = chunk
    const isLast = chunkOffset + size === contentBytes
    const isWhole = chunkOffset === 0 && isLast
    const digest = isWhole ? undefined : digestOf(...pieces)
    return {
      bytes: encoder.encode(pieces, size),
      placed: (offset, endOffset) => {
        placed.push({ chunkOffset, size, isZeros, digest, offset })
        if (!isLast) return []
        return tocEntries(header, { digest: wholeDigest!, chunks: placed, endOffset })
      },
    }
  }
  let wholeDigest: string | undefined
  // Held back until the digest of the whole content is known.
  let last: Frame | undefined
  for await (const bytes of content) {
    crc.update(bytes)
    whole.update(bytes)
    for (const chunk of chunker.add(bytes)) {
      if (last) yield last
      last = chunkFrame(chunk)
    }
  }
  wholeDigest = `sha256:${whole.digest('hex')}`
  for (const chunk of chunker.end()) {
    if (last) yield last
    last = chunkFrame(chunk)
  }
  await recipe.file(header.name, contentBytes, crc.digest())
  if (last) yield last
}

/**
 * Those of {@link inOrder} and one in its hands, the one that {@link contentFrames} holds back, and the next. By the time
 * a buffer's turn comes again its frame is done.
 */
const buffersInTurn = framesAtOnce + 3
const maxBufferBytes = 1024 * 1024

/**
 * Encodes what lies in pieces, which may go at once. The buffers in between take turns: views of the input would keep
 * it in memory, and fresh buffers would be most of what is left to the garbage collector.
 */
class ContentEncoder {
  readonly #encoder: ZstdFrames
  readonly #buffers: Buffer[] = []
  #count = 0

  constructor(encoder: ZstdFrames) {
    this.#encoder = encoder
  }

  /** Begins at once; a failure is whoever's that waits for it. */
  encode(pieces: readonly Uint8Array[], size: number): Promise<Uint8Array> {
    const buffer = this.#nextBuffer(size)
    let position = 0
    for (const piece of pieces) {
      buffer.set(piece, position)
      position += piece.length
    }
    const bytes = this.#encoder.encode(buffer.subarray(0, size))
    bytes.catch(() => undefined)
    return bytes
  }

  #nextBuffer(size: number): Buffer {
    if (size > maxBufferBytes) return Buffer.allocUnsafeSlow(size)
    const index = this.#count++ % buffersInTurn
    const buffer = this.#buffers[index]
    if (buffer && buffer.length >= size) return buffer
    return (this.#buffers[index] = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(size, 64 * 1024)))))
  }
}

function digestOf(...pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return `sha256:${hash.digest('hex')}`
}

function skippableFrame(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(frameHeaderBytes)
  header.writeUInt32LE(0x184d2a50, 0)
  header.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

function footer(tocOffset: number, toc: Compressed, recipeOffset: number, recipe: Compressed): Buffer {
  const bytes = Buffer.alloc(64)
  const words = [tocOffset, toc.bytes.length, toc.plainBytes, 1, recipeOffset, recipe.bytes.length, recipe.plainBytes]
  for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(word), index * 8)
  bytes.write('GNUlInUx', 56, 'latin1')
  return bytes
}
