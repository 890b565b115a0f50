import { createDigester, digestAlgorithm, TransloadError, type Descriptor } from '@transload/contract'

/**
 * Passes everything on and throws after the last byte when it is not what `blob` says, in skopeo's words: the client
 * has all of it by then, and asks whether to keep it.
 */
export async function* verifiedAtEnd(
  body: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
): AsyncGenerator<Uint8Array> {
  const digester = createDigester(digestAlgorithm(digest))
  for await (const chunk of body) {
    digester.update(chunk)
    yield chunk
  }
  if (digester.size !== size) {
    throw new TransloadError('SIZE_MISMATCH', `expected ${size} bytes in blob, got ${digester.size}`)
  }
  if (digester.digest() !== digest) throw new TransloadError('DIGEST_MISMATCH', `corrupted blob, expecting ${digest}`)
}

/** Waits for the first chunk, so that a blob that is not there fails here. The result has to be iterated. */
export async function startReading(body: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = body[Symbol.asyncIterator]()
  const first = await iterator.next()
  return (async function* () {
    try {
      for (let result = first; !result.done; result = await iterator.next()) yield result.value
    } finally {
      await iterator.return?.()
    }
  })()
}
