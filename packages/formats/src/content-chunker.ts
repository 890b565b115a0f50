/** A part of a file's content. */
export interface ContentChunk {
  /** In the file. */
  readonly offset: number
  readonly size: number
  readonly isZeros: boolean
  /** Views of what was given to `add`. */
  readonly pieces: readonly Uint8Array[]
}

const windowBytes = 64
const characterOffset = 31
/** Of the rolling sum, all ones: a chunk of 64 KiB on average. */
const splitMask = 0xffff
/** As many zeros in a row are a chunk of their own. */
const minZeros = 1024
/** A chunk is held in memory. Only long runs of few different bytes get this far without a split. */
const maxChunkBytes = 1024 * 1024

/**
 * Cuts a file's content where its bytes say so, so that two versions of a file have most chunks in common: by a rolling
 * sum of the last 64 bytes (librsync's), and around runs of zeros. The boundaries are those of the field's own
 * zstd:chunked compressor, whose layers ours then share chunks with (formats.md §5.9); only that has no longest chunk.
 */
export class ContentChunker {
  readonly #window = new Uint8Array(windowBytes)
  #windowIndex = 0
  #sum1 = windowBytes * characterOffset
  #sum2 = windowBytes * (windowBytes - 1) * characterOffset
  /** What has been added and not yet been given out. */
  #pieces: Uint8Array[] = []
  #chunkStart = 0
  #position = 0
  /** Zeros up to the position, of which the sum does not know yet. */
  #zeros = 0
  /** The run of zeros before the position was found long, and part of it given out. */
  #isInHole = false;

  /** The chunks that are complete now. */
  *add(piece: Uint8Array): Generator<ContentChunk> {
    const start = this.#position
    this.#pieces.push(piece)
    for (let index = 0; index < piece.length; index++) {
      const byte = piece[index]!
      if (byte === 0) {
        this.#zeros++
        this.#position = start + index + 1
        if (this.#zeros === maxChunkBytes) yield* this.#endHole(true)
        continue
      }
      this.#position = start + index
      if (this.#zeros > 0) yield* this.#endZeros()
      this.#isInHole = false
      this.#position = start + index + 1
      this.#roll(byte)
      if (this.#isSplit(this.#position)) yield this.#cut(this.#position, false)
    }
  }

  /** The chunks that are left at the end of the file. */
  *end(): Generator<ContentChunk> {
    if (this.#zeros > 0) yield* this.#endZeros()
    if (this.#position > this.#chunkStart) yield this.#cut(this.#position, false)
  }

  *#endZeros(): Generator<ContentChunk> {
    if (this.#zeros >= minZeros || this.#isInHole) {
      yield* this.#endHole(false)
      return
    }
    const first = this.#position - this.#zeros
    for (let count = 1; count <= this.#zeros; count++) {
      this.#roll(0)
      if (this.#isSplit(first + count)) yield this.#cut(first + count, false)
    }
    this.#zeros = 0
  }

  *#endHole(continues: boolean): Generator<ContentChunk> {
    const start = this.#position - this.#zeros
    if (start > this.#chunkStart) yield this.#cut(start, false)
    // After a window of zeros more of them change nothing.
    for (let count = Math.min(this.#zeros, windowBytes); count > 0; count--) this.#roll(0)
    if (this.#zeros > 0) yield this.#cut(this.#position, true)
    this.#zeros = 0
    this.#isInHole = continues
  }

  #roll(byte: number): void {
    const dropped = this.#window[this.#windowIndex]!
    this.#sum1 = (this.#sum1 + byte - dropped) | 0
    this.#sum2 = (this.#sum2 + this.#sum1 - windowBytes * (dropped + characterOffset)) | 0
    this.#window[this.#windowIndex] = byte
    this.#windowIndex = (this.#windowIndex + 1) % windowBytes
  }

  #isSplit(position: number): boolean {
    return (this.#sum2 & splitMask) === splitMask || position - this.#chunkStart >= maxChunkBytes
  }

  #cut(end: number, isZeros: boolean): ContentChunk {
    const offset = this.#chunkStart
    const size = end - offset
    const pieces: Uint8Array[] = []
    for (let left = size; left > 0;) {
      const piece = this.#pieces[0]!
      const taken = piece.subarray(0, left)
      pieces.push(taken)
      left -= taken.length
      if (taken.length === piece.length) this.#pieces.shift()
      else this.#pieces[0] = piece.subarray(taken.length)
    }
    this.#chunkStart = end
    return { offset, size, isZeros, pieces }
  }
}
