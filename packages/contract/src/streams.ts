import type { Transform } from 'node:stream'

import { TransloadError } from './errors.ts'

/** All bytes of a stream, as one array. Throws SIZE_LIMIT naming `subject` past `maxBytes`: say one for anything untrusted. */
export async function collect(
  body: AsyncIterable<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY,
  subject = 'content',
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) {
      throw new TransloadError('SIZE_LIMIT', `${subject}: exceeded maximum allowed size of ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

/** A stage of a blob's path: bytes in, bytes out. */
export type Stage = (input: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/**
 * Makes a stage of a `node:stream` transform (zlib, crypto). The transform is made when iteration starts and
 * destroyed when it ends, however it ends. An error of the input is rethrown as it is.
 */
export function throughTransform(create: () => Transform): Stage {
  return async function* (input) {
    const transform = create()
    let inputError: { readonly error: unknown } | undefined
    const pump = (async () => {
      try {
        for await (const chunk of input) {
          if (transform.destroyed) return
          if (!transform.write(chunk)) await drained(transform)
        }
        transform.end()
      } catch (error) {
        inputError = { error }
        transform.destroy()
      }
    })()
    try {
      yield* transform as AsyncIterable<Uint8Array>
    } catch (error) {
      throw inputError ? inputError.error : error
    } finally {
      transform.destroy()
      await pump
    }
  }
}

/** Resolves when the transform takes more or will never again. */
function drained(transform: Transform): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      transform.off('drain', done)
      transform.off('close', done)
      resolve()
    }
    transform.on('drain', done)
    transform.on('close', done)
  })
}

/** Joins small chunks until each is at least `minBytes` long (the last may be shorter). */
export async function* coalesce(input: AsyncIterable<Uint8Array>, minBytes = 256 * 1024): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    held.push(chunk)
    size += chunk.length
    if (size < minBytes) continue
    yield held.length === 1 ? chunk : Buffer.concat(held, size)
    held = []
    size = 0
  }
  if (size > 0) yield held.length === 1 ? held[0]! : Buffer.concat(held, size)
}
