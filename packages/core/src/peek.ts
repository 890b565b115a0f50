/** A stream whose first bytes were looked at. Disposing ends it, whether `body` was iterated or not. */
export interface PeekedStream extends AsyncDisposable {
  /** At least the bytes asked for, or all there are. */
  readonly head: Uint8Array
  /** The whole stream, `head` included. Iterated once. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Starts reading `input`. What it throws before `minBytes` have come is thrown here. */
export async function peek(input: AsyncIterable<Uint8Array>, minBytes: number): Promise<PeekedStream> {
  const iterator = input[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  for (let size = 0; size < minBytes;) {
    const { done, value } = await iterator.next()
    if (done) break
    first.push(value)
    size += value.length
  }
  const end = async (): Promise<void> => {
    await iterator.return?.()
  }
  return {
    head: first.length === 1 ? first[0]! : Buffer.concat(first),
    body: replay(first, iterator, end),
    [Symbol.asyncDispose]: end,
  }
}

async function* replay(
  first: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
  end: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* first
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) return
      yield value
    }
  } finally {
    await end()
  }
}
