import type { Stage } from '@transload/contract'

/** A stage chosen when its input arrives, by at least `minBytes` of it or all there are. What `choose` throws it throws. */
export function byFirstBytes(minBytes: number, choose: (head: Uint8Array) => Stage): Stage {
  return async function* (input) {
    const iterator = input[Symbol.asyncIterator]()
    try {
      const first: Uint8Array[] = []
      for (let size = 0; size < minBytes;) {
        const { done, value } = await iterator.next()
        if (done) break
        first.push(value)
        size += value.length
      }
      const head = first.length === 1 ? first[0]! : Buffer.concat(first)
      yield* choose(head)(replay(first, iterator))
    } finally {
      await iterator.return?.()
    }
  }
}

async function* replay(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* first
  for (;;) {
    const { done, value } = await rest.next()
    if (done) return
    yield value
  }
}
