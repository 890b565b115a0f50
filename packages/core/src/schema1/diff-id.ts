import type { Digest, Stage } from '@transload/contract'
import { compressionMagicBytes, decompressor, detectCompression } from '@transload/formats'

import { byFirstBytes } from '../by-first-bytes.ts'
import { createMeasurement } from '../measurement.ts'

/** The digest of a layer decompressed, taken while its bytes pass. */
export interface DiffIdMeasurement {
  /** Passes bytes on as they are; throws what is wrong with the compressed data. Used once. */
  readonly stage: Stage
  /** Only after the stream ended. */
  result(): Digest
}

export function createDiffIdMeasurement(): DiffIdMeasurement {
  const plain = createMeasurement()
  const decode = byFirstBytes(compressionMagicBytes, (head) => {
    const compression = detectCompression(head)
    return compression ? decompressor(compression) : (input) => input
  })
  return {
    stage: (input) => passing(input, (side) => drain(plain.stage(decode(side)))),
    result: () => plain.result().digest,
  }
}

/** Yields the input, and gives each chunk to `read` before. What that throws comes out here, and it has ended by then. */
async function* passing(
  input: AsyncIterable<Uint8Array>,
  read: (side: AsyncIterable<Uint8Array>) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const side = createHandover()
  let failure: { readonly error: unknown } | undefined
  const reading = read(side.chunks())
    .catch((error: unknown) => {
      failure = { error }
    })
    .finally(side.close)
  try {
    for await (const chunk of input) {
      await side.give(chunk)
      if (failure) break
      yield chunk
    }
  } finally {
    side.end()
    await reading
  }
  if (failure) throw failure.error
}

interface Handover {
  /** Resolves when the chunk was taken, or nobody will take any more. */
  readonly give: (chunk: Uint8Array) => Promise<void>
  /** There are no more chunks. */
  readonly end: () => void
  readonly chunks: () => AsyncGenerator<Uint8Array>
  /** Nobody takes any more. */
  readonly close: () => void
}

function createHandover(): Handover {
  let offered = Promise.withResolvers<Uint8Array | undefined>()
  let taken = Promise.withResolvers<void>()
  let isClosed = false
  return {
    give: async (chunk) => {
      if (isClosed) return
      taken = Promise.withResolvers()
      offered.resolve(chunk)
      await taken.promise
    },
    end: () => offered.resolve(undefined),
    chunks: async function* () {
      for (;;) {
        const chunk = await offered.promise
        if (!chunk) return
        offered = Promise.withResolvers()
        taken.resolve()
        yield chunk
      }
    },
    close: () => {
      isClosed = true
      taken.resolve()
    },
  }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) continue
}
