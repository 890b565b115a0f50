/** Fewer bytes than this are not handed on before the end: the number of chunks is what a copy costs. */
const minChunkBytes = 64 * 1024
/** Chunks that wait for a reader before the socket is paused. */
const maxWaiting = 4

/** The body of an answer between the socket, which pushes, and its reader, which pulls. Joins small pieces. */
export class BodyQueue {
  readonly #chunks: Buffer[] = []
  #pieces: Buffer[] = []
  #pieceBytes = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  readonly #taken: () => void

  /** `taken` is called whenever there is room again. */
  constructor(taken: () => void) {
    this.#taken = taken
  }

  get isFull(): boolean {
    return this.#chunks.length >= maxWaiting
  }

  push(bytes: Buffer): void {
    this.#pieceBytes += bytes.length
    const last = this.#pieces.at(-1)
    if (last && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      // Side by side in one slab: one view of both, no copy.
      this.#pieces[this.#pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
    } else {
      this.#pieces.push(bytes)
    }
    if (this.#pieceBytes >= minChunkBytes) this.#flush()
  }

  end(): void {
    this.#flush()
    this.#ended = true
    this.#wake?.()
  }

  /** What has come is still handed out, then `error` is thrown. */
  fail(error: unknown): void {
    if (this.#ended || this.#failure) return
    this.#flush()
    this.#failure = { error }
    this.#wake?.()
  }

  /** `abandoned` is called when the reader stops before the end. */
  async *read(abandoned: () => void): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk) {
          this.#taken()
          yield chunk
        } else if (this.#failure) {
          throw this.#failure.error
        } else if (this.#ended) {
          return
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve))
          this.#wake = undefined
        }
      }
    } finally {
      if (!this.#ended) abandoned()
    }
  }

  #flush(): void {
    if (this.#pieceBytes > 0) {
      this.#chunks.push(this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#pieceBytes))
    }
    this.#pieces = []
    this.#pieceBytes = 0
    this.#wake?.()
  }
}
