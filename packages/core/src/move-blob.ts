import { TransloadError, type Descriptor, type Digest, type OperationOptions, type Stage } from '@transload/contract'
import { compressionMagicBytes, decompressor } from '@transload/formats'

import { byFirstBytes } from './by-first-bytes.ts'
import type { BlobEdit, PlannedBlob } from './copy-plan.ts'
import { layerEncoder, type LayerEncoder } from './layer-encoder.ts'
import {
  baseCompression,
  compressionAfter,
  declaredCompression,
  editFor,
  foundCompression,
  type LayerCompression,
} from './layer-encoding.ts'
import { createMeasurement } from './measurement.ts'
import { meter } from './meter.ts'
import { rereadBlob } from './reread-blob.ts'
import { createDiffIdMeasurement } from './schema1/diff-id.ts'
import type { CopySession } from './session.ts'
import { storeSpooled } from './store-spooled.ts'
import { TransferError } from './transfer-error.ts'
import { createVerification, type Verification } from './verification.ts'
import { writeBlob, type BlobReading } from './write-blob.ts'

/** A blob as the destination has it. */
export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
  /** Set if its bytes are not the source's, or plain although their media type says otherwise: what they are now. */
  readonly compression?: LayerCompression | undefined
  /** Encryption's and those of its new compression, to be added to the layer's own. */
  readonly annotations?: Descriptor['annotations']
  /** Of the source's blob, if the plan needs it. */
  readonly diffId?: Digest | undefined
  readonly reused: boolean
}

/** Absent for blobs the plan skips. */
export type FindStored = (planned: PlannedBlob) => StoredBlob | undefined

/**
 * Streams one blob from source to destination, re-encoding it if its first bytes ask for that (copy-engine.md §8.3).
 * Nothing is read before the destination starts to: it may be opening an upload meanwhile. Throws TransferError; a
 * failed or wrong read is the source's even if it surfaces inside the destination's write.
 */
export async function moveBlob(
  session: CopySession,
  planned: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const staysAsItIs = planned.edit === 'none' && planned.crypto === undefined
  const asPlanned = staysAsItIs ? await moveVerbatim(session, planned, operation) : undefined
  const moved = asPlanned ?? (await moveReencoded(session, planned, operation))
  if (moved.diffId !== undefined && planned.crypto === undefined) {
    await session.options.cache.rememberUncompressed(planned.blob.digest, moved.diffId)
  }
  return moved
}

/** Undefined, and nothing stored, if the bytes are not what the media type says and cannot stay as they are. */
async function moveVerbatim(
  session: CopySession,
  planned: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob | undefined> {
  const { role, blob, encoding } = planned
  const { mediaType, digest } = blob
  const { cache } = session.options
  let found: LayerCompression = 'none'
  let isMistyped = false
  const look = byFirstBytes(compressionMagicBytes, (head) => {
    found = foundCompression(head, blob)
    isMistyped = editFor(found, encoding) !== 'none'
    if (isMistyped) throw new TransloadError('PROTOCOL', `${digest} is not what its media type ${mediaType} says`)
    return (input) => input
  })
  const verification = createVerification(blob)
  const reading = readVerified(session, planned, verification, look)
  const file = await fileOf(session, blob, operation)
  const written = (): Descriptor => ({ mediaType, digest, size: verification.size })
  // A source with a limit of its own may have no turn left for it.
  const reread =
    session.source.concurrency === undefined
      ? (start: number, end: number, options?: OperationOptions) =>
          rereadBlob(session.source, blob, { start, end }, options)
      : undefined
  try {
    await writeBlob(session, reading, { role, mediaType, digest, size: blob.size, file, reread, written }, operation)
  } catch (error) {
    if (isMistyped) return undefined
    throw error
  }
  if (!verification.succeeded) throw unread(blob)
  if (declaredCompression(mediaType) !== undefined) {
    // Whose annotations call it chunked may be wrong.
    await cache.rememberCompression?.(digest, baseCompression(found))
    if (found === 'none') await cache.rememberUncompressed(digest, digest)
  }
  const compression = unexpectedCompression(mediaType, found)
  return { digest, size: verification.size, compression, diffId: reading.diffId(), reused: false }
}

async function moveReencoded(
  session: CopySession,
  planned: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const { role, blob, encoding } = planned
  const { cache, compressionLevel } = session.options
  const plain = createMeasurement()
  const made = createMeasurement()
  let found: LayerCompression = 'none'
  let edit: BlobEdit = 'none'
  let encoder: LayerEncoder | undefined
  const reencode = byFirstBytes(compressionMagicBytes, (head) => {
    found = foundCompression(head, blob)
    edit = editFor(found, encoding)
    if (edit === 'none') return (input) => input
    const base = baseCompression(found)
    const decode = base === 'none' ? asItIs : decompressor(base)
    if (edit === 'decompress') return decode
    encoder = layerEncoder(edit, compressionLevel)
    const encode = encoder.stage
    // What is plain already has been hashed by the verification, and what is only unpacked is hashed as it is stored.
    return base === 'none' ? encode : (input) => encode(plain.stage(decode(input)))
  })
  const cipher = await openCipher(session, planned, operation)
  const verification = createVerification(blob)
  const reading = readVerified(session, planned, verification, (input) =>
    made.stage(cipher.encrypt(reencode(cipher.decrypt(input)))),
  )
  const written = (): Descriptor => ({ mediaType: blob.mediaType, ...made.result() })
  const outgoing = { role, mediaType: blob.mediaType, written }
  let reused = false
  if (session.options.precomputeDigests) reused = await storeSpooled(session, reading, outgoing, operation)
  else await writeBlob(session, reading, outgoing, operation)
  if (!verification.succeeded) throw unread(blob)

  const annotations = { ...encoder?.annotations(), ...cipher.annotations() }
  const stored = { ...made.result(), diffId: reading.diffId(), annotations, reused }
  const compression = compressionAfter(edit)
  if (compression === undefined) return { ...stored, compression: unexpectedCompression(blob.mediaType, found) }
  // Nothing is remembered of what was or will be secret.
  if (planned.crypto !== undefined) return { ...stored, compression }
  const uncompressed = compression === 'none' ? stored.digest : found === 'none' ? blob.digest : plain.result().digest
  for (const known of new Set([blob.digest, stored.digest, uncompressed])) {
    await cache.rememberUncompressed(known, uncompressed)
  }
  await cache.rememberCompression?.(blob.digest, baseCompression(found))
  await cache.rememberCompression?.(stored.digest, compression, encoder?.annotations())
  return { ...stored, compression }
}

interface Cipher {
  readonly decrypt: Stage
  readonly encrypt: Stage
  annotations(): Descriptor['annotations']
}

const asItIs: Stage = (input) => input
const noCipher: Cipher = { decrypt: asItIs, encrypt: asItIs, annotations: () => undefined }

/** Has its keys before anything is read. */
async function openCipher(
  { options }: CopySession,
  { blob, crypto }: PlannedBlob,
  operation: OperationOptions,
): Promise<Cipher> {
  if (crypto === undefined) return noCipher
  try {
    if (crypto === 'decrypt') return { ...noCipher, decrypt: await options.decryptor!.decryptLayer(blob, operation) }
    const encryption = await options.encryptor!.encryptLayer(blob, operation)
    return { ...noCipher, encrypt: encryption.stage, annotations: () => encryption.annotations() }
  } catch (error) {
    operation.signal?.throwIfAborted()
    const what = crypto === 'decrypt' ? `decrypting layer ${blob.digest}` : 'Unable to finalize encryption'
    throw new TransferError('source', 'transfer', what, error)
  }
}

/** A manifest that names a layer anew had better tell the truth; one that is passed on does not change. */
function unexpectedCompression(mediaType: string, found: LayerCompression): 'none' | undefined {
  return found === 'none' && (declaredCompression(mediaType) ?? 'none') !== 'none' ? 'none' : undefined
}

/** The source's bytes on their way, verified and counted, then put through `edit`. */
function readVerified(
  { source, options }: CopySession,
  planned: PlannedBlob,
  verification: Verification,
  edit: Stage,
): BlobReading & { readonly diffId: () => Digest | undefined } {
  const { blob } = planned
  const count = meter(options.progress, planned)
  const measurement = planned.needsDiffId ? createDiffIdMeasurement() : undefined
  const measure: Stage = measurement?.stage ?? ((input) => input)
  return {
    digest: blob.digest,
    open: (operation) => edit(measure(count(verification.stage(source.readBlob(blob, operation))))),
    diffId: () => measurement?.result(),
  }
}

async function fileOf(
  { source }: CopySession,
  blob: Descriptor,
  operation: OperationOptions,
): Promise<string | undefined> {
  try {
    return await source.blobFile?.(blob, operation)
  } catch (error) {
    operation.signal?.throwIfAborted()
    throw new TransferError('source', 'transfer', `reading blob ${blob.digest}`, error)
  }
}

function unread({ digest }: Descriptor): TransferError {
  const problem = new TransloadError('PROTOCOL', `the destination did not read ${digest} to its end`)
  return new TransferError('destination', 'transfer', 'writing blob', problem)
}
