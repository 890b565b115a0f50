/**
 * The same chunks, the first of which is asked for at once: the source answers while the registry opens the upload.
 * If nobody iterates, ending the reading is left to whoever owns `body`.
 */
export function readAhead(body: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> {
  const first = body.next()
  first.catch(() => undefined)
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for (let result = await first; !result.done; result = await body.next()) yield result.value
      } finally {
        await body.return(undefined)
      }
    },
  }
}
