import {
  TransloadError,
  type Descriptor,
  type Digest,
  type OperationOptions,
  type OutgoingBlob,
} from '@transload/contract'

import { decoder, encoder } from './codec.ts'
import type { PlannedBlob } from './copy-plan.ts'
import { declaredCompression, detectCompression, detectionBytes, editFor, type Compression } from './layer-encoding.ts'
import { createMeasurement } from './measurement.ts'
import { meter } from './meter.ts'
import { peek } from './peek.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { createVerification } from './verification.ts'

/** A blob as the destination has it. */
export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
  /** Set if its bytes are not the source's: what they are now. */
  readonly compression?: Compression | undefined
  readonly reused: boolean
}

type Reencoding = 'decompress' | 'gzip' | 'zstd'

/**
 * Streams one blob from source to destination, re-encoding it if its first bytes ask for that (copy-engine.md §8.3).
 * Throws TransferError; a failed or wrong read is the source's even if it surfaces inside the destination's write.
 */
export async function moveBlob(
  session: CopySession,
  planned: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const { source, options } = session
  const { blob } = planned
  const verification = createVerification(blob)
  const metered = meter(options.progress, planned)(verification.stage(source.readBlob(blob, operation)))
  await using stream = await readingBlob(blob, operation, () => peek(metered, detectionBytes))
  const found = detectCompression(stream.head)
  const edit = editFor(found, planned.encoding)
  const stored =
    edit === 'none'
      ? await storeVerbatim(session, planned, stream.body, operation)
      : await storeReencoded(session, planned, stream.body, found, edit, operation)
  if (!verification.succeeded) throw unread(blob)
  if (edit === 'none' && found === 'none' && declaredCompression(blob.mediaType) !== undefined) {
    await options.cache.rememberUncompressed(blob.digest, blob.digest)
  }
  return stored
}

async function storeVerbatim(
  session: CopySession,
  { role, blob }: PlannedBlob,
  body: AsyncIterable<Uint8Array>,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const { mediaType, digest, size } = blob
  const file = await readingBlob(blob, operation, async () => session.source.blobFile?.(blob, operation))
  const written = (): Descriptor => ({ mediaType, digest, size })
  await writeBlob(session, { role, mediaType, digest, size, body, file, written }, operation)
  return { digest, size, reused: false }
}

async function storeReencoded(
  session: CopySession,
  { role, blob }: PlannedBlob,
  body: AsyncIterable<Uint8Array>,
  found: Compression,
  edit: Reencoding,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const { mediaType, digest: before } = blob
  const plain = createMeasurement()
  const made = createMeasurement()
  const decoded = await readingBlob(blob, operation, async () => decoder(found)(body))
  const { cache, compressionLevel } = session.options
  // What is hashed already (by the verification, or because it is the output) is not hashed again.
  const encoded =
    edit === 'decompress' ? decoded : encoder(edit, compressionLevel)(found === 'none' ? decoded : plain.stage(decoded))
  const written = (): Descriptor => ({ mediaType, ...made.result() })
  await writeBlob(session, { role, mediaType, body: made.stage(encoded), written }, operation)

  const { digest, size } = made.result()
  const uncompressed = edit === 'decompress' ? digest : found === 'none' ? before : plain.result().digest
  for (const known of new Set([before, digest, uncompressed])) await cache.rememberUncompressed(known, uncompressed)
  return { digest, size, compression: edit === 'decompress' ? 'none' : edit, reused: false }
}

/** Errors read `writing blob: …`, and `writing blob: happened during read: …` for those that came out of the body. */
export async function writeBlob(
  { destination }: CopySession,
  outgoing: OutgoingBlob,
  operation: OperationOptions,
): Promise<void> {
  const watched = watch(outgoing.body)
  try {
    await destination.writeBlob({ ...outgoing, body: watched.body }, operation)
  } catch (error) {
    operation.signal?.throwIfAborted()
    if (watched.failure === undefined) throw new TransferError('destination', 'transfer', 'writing blob', error)
  }
  if (watched.failure === undefined) return
  throw new TransferError('source', 'transfer', 'writing blob: happened during read', watched.failure)
}

/** Remembers what the body threw: a destination may wrap it, or even swallow it. */
function watch(body: AsyncIterable<Uint8Array>): {
  readonly body: AsyncIterable<Uint8Array>
  readonly failure: unknown
} {
  let failure: unknown
  return {
    body: (async function* () {
      try {
        yield* body
      } catch (error) {
        failure = error
        throw error
      }
    })(),
    get failure() {
      return failure
    },
  }
}

async function readingBlob<T>(
  { digest }: Descriptor,
  { signal }: OperationOptions,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('source', 'transfer', `reading blob ${digest}`, error)
  }
}

function unread({ digest }: Descriptor): TransferError {
  const problem = new TransloadError('PROTOCOL', `the destination did not read ${digest} to its end`)
  return new TransferError('destination', 'transfer', 'writing blob', problem)
}
