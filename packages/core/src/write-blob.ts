import type { Digest, OperationOptions, OutgoingBlob } from '@transload/contract'

import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/** Where the bytes of a blob come from: read once, and with a signal of their own. */
export interface BlobReading {
  /** The blob at the source, for messages. */
  readonly digest: Digest
  /** Lazy: nothing is opened before the iteration. */
  readonly open: (options: OperationOptions) => AsyncIterable<Uint8Array>
}

/**
 * Has the destination write what `reading` yields, and ends the reading whatever the destination did with it. Errors
 * read `writing blob: …`; those that came out of the reading `writing blob: happened during read: …`, or
 * `reading blob D: …` if nothing had come before.
 */
export async function writeBlob(
  { destination }: CopySession,
  reading: BlobReading,
  outgoing: Omit<OutgoingBlob, 'body'>,
  operation: OperationOptions,
): Promise<void> {
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, ...(operation.signal ? [operation.signal] : [])])
  const watched = watch(reading.digest, reading.open({ signal }))
  let failure: TransferError | undefined
  try {
    await destination.writeBlob({ ...outgoing, body: watched.body }, operation)
    failure = watched.failure
  } catch (error) {
    operation.signal?.throwIfAborted()
    failure = watched.failure ?? new TransferError('destination', 'transfer', 'writing blob', error)
  } finally {
    // A destination that read ahead and then failed may have left a read waiting.
    ended.abort()
    await watched.body.return().catch(() => undefined)
  }
  if (failure) throw failure
}

interface WatchedBody {
  readonly body: AsyncGenerator<Uint8Array, void, undefined>
  readonly failure: TransferError | undefined
}

/** Remembers what the body threw: a destination may wrap it, or even swallow it. */
function watch(digest: Digest, body: AsyncIterable<Uint8Array>): WatchedBody {
  let failure: TransferError | undefined
  return {
    body: (async function* () {
      let what = `reading blob ${digest}`
      try {
        for await (const chunk of body) {
          what = 'writing blob: happened during read'
          yield chunk
        }
      } catch (error) {
        failure = new TransferError('source', 'transfer', what, error)
        throw error
      }
    })(),
    get failure() {
      return failure
    },
  }
}
