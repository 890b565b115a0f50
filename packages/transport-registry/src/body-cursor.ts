/**
 * A body that is sent in parts, by one request after another. The first chunk is asked for at once: the source answers
 * while the registry opens the upload. Disposing ends the body, unless it is being waited for: then that is left to its owner.
 */
export class BodyCursor implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>
  #next: Promise<Uint8Array | undefined> | undefined
  #isWaiting = false
  #failure: { readonly error: unknown } | undefined
  #reader = 0
  #position = 0

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#chunks = body[Symbol.asyncIterator]()
    this.#peek().catch(() => undefined)
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position
  }

  /** What the body threw. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Whether there are bytes left. Throws what the body throws. */
  async hasMore(): Promise<boolean> {
    return (await this.#peek()) !== undefined
  }

  /** The next `count` bytes, or all that are left. */
  async *read(count = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    const reader = ++this.#reader
    for (let left = count; left > 0;) {
      const chunk = await this.#peek()
      if (!chunk || reader !== this.#reader) return
      const piece = chunk.subarray(0, left)
      this.#next = piece.length < chunk.length ? Promise.resolve(chunk.subarray(left)) : undefined
      this.#position += piece.length
      left -= piece.length
      yield piece
    }
  }

  /** Whoever reads gets no more. A request that failed may still wait for a chunk, which is for the next one. */
  detach(): void {
    this.#reader++
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach()
    if (!this.#isWaiting) await this.#chunks.return?.()
  }

  #peek(): Promise<Uint8Array | undefined> {
    return (this.#next ??= this.#pull())
  }

  async #pull(): Promise<Uint8Array | undefined> {
    this.#isWaiting = true
    try {
      const { done, value } = await this.#chunks.next()
      return done === true ? undefined : value
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#isWaiting = false
    }
  }
}
