import { collect, digestOf, maxManifestBytes, type Descriptor, type OperationOptions } from '@transload/contract'

import { createLimiter, runAll, type Limiter } from './bounded.ts'
import type { CopyPlan, PlannedBlob } from './copy-plan.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { declaredCompression } from './layer-encoding.ts'
import { moveBlob, writeBlob, type StoredBlob } from './move-blob.ts'
import { ociConfigFromDocker } from './oci-config.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { createVerification } from './verification.ts'

/** Where the blobs of a plan ended up. */
export interface MovedBlobs {
  /** Absent for blobs the plan skips. */
  readonly find: (planned: PlannedBlob) => StoredBlob | undefined
  readonly copied: number
  readonly reused: number
  /** Stored by this copy. */
  readonly bytes: number
}

interface Job {
  readonly planned: PlannedBlob
  /** The first image that needs it. */
  readonly image: number
}

/** Asking whether a blob is there costs a round trip and no bandwidth, so it may run ahead of the moving. */
const questionsAtOnce = 16
const largeBlobBytes = 512 * 1024
/** Each keeps several threads of the pool busy; more of them would only hold more memory. */
const encodingsAtOnce = 2
const retries = 3
const firstDelayMs = 500

/**
 * Gets every distinct blob of the plan to the destination, several at a time, begun in the order of the plan. A blob
 * that fails with a retryable error starts again, up to three times. The first failure ends all others and is the one
 * thrown, once everything that was started has ended.
 */
export async function transferBlobs(session: CopySession, plan: CopyPlan): Promise<MovedBlobs> {
  const { source, destination, options } = session
  const jobs = distinctJobs(plan)
  reportPlan(session, plan, jobs)
  source.prepareBlobs?.(jobs.size)
  const announce = imageAnnouncer(session, plan)
  const theirs = destination.traits.concurrency ?? Number.POSITIVE_INFINITY
  const asking = createLimiter(Math.min(questionsAtOnce, theirs))
  const moving = createLimiter(Math.min(options.concurrency, theirs, source.concurrency ?? theirs))
  const movingLarge = createLimiter(options.largeBlobConcurrency)
  const encoding = createLimiter(encodingsAtOnce)
  const stored = new Map<string, StoredBlob>()

  await runAll([...jobs], options, async ([key, { planned, image }], operation) => {
    try {
      const begin = (): void => announce(image)
      stored.set(key, await transferBlob(session, planned, { asking, moving, movingLarge, encoding, begin }, operation))
    } catch (error) {
      throw labelError(plannedImageLabel(plan, image), 'transfer', error)
    }
  })
  announce(plan.images.length - 1)

  const copied = [...stored.values()].filter(({ reused }) => !reused)
  return {
    find: (planned) => stored.get(jobKey(planned)),
    copied: copied.length,
    reused: stored.size - copied.length,
    bytes: copied.reduce((sum, { size }) => sum + size, 0),
  }
}

/** Blobs are the same if the same is done to the same bytes; that two sizes are claimed for one digest is found out. */
function jobKey({ blob, encoding, edit, crypto }: PlannedBlob): string {
  return [blob.digest, blob.size, encoding, edit, crypto].join(' ')
}

function distinctJobs({ images }: CopyPlan): ReadonlyMap<string, Job> {
  const jobs = new Map<string, Job>()
  for (const [image, { layers, config }] of images.entries()) {
    for (const planned of [...layers, config]) {
      const key = jobKey(planned)
      if (planned.edit !== 'skip' && !jobs.has(key)) jobs.set(key, { planned, image })
    }
  }
  return jobs
}

function reportPlan({ options }: CopySession, { index, images }: CopyPlan, jobs: ReadonlyMap<string, Job>): void {
  options.progress({
    type: 'planned',
    images: images.length,
    blobs: jobs.size,
    bytes: jobs.values().reduce((sum, { planned }) => sum + planned.blob.size, 0),
    ...(index ? { listed: index.listed } : {}),
  })
}

/** Reports each image once, in order, at the latest when `image` is begun. */
function imageAnnouncer({ options }: CopySession, { images }: CopyPlan): (image: number) => void {
  let next = 0
  return (image) => {
    for (; next <= image; next++) {
      const { manifest, layers, config } = images[next]!
      const moved = [...layers, config].filter(({ edit }) => edit !== 'skip')
      const blobs = moved.map(({ role, blob }) => ({ role, digest: blob.digest }))
      options.progress({ type: 'image', digest: manifest.digest, index: next, count: images.length, blobs })
    }
  }
}

interface Turns {
  readonly asking: Limiter
  readonly moving: Limiter
  /** Taken besides `moving`. */
  readonly movingLarge: Limiter
  /** Taken besides both by large blobs that are compressed anew. */
  readonly encoding: Limiter
  readonly begin: () => void
}

async function transferBlob(
  session: CopySession,
  planned: PlannedBlob,
  { asking, moving, movingLarge, encoding, begin }: Turns,
  operation: OperationOptions & { readonly signal: AbortSignal },
): Promise<StoredBlob> {
  const { role, blob } = planned
  const { progress } = session.options
  const reportEnd = (state: 'copied' | 'reused', { digest }: StoredBlob): void =>
    progress({ type: 'blob', state, role, blob, bytes: blob.size, stored: digest })
  const start = (): void => {
    operation.signal.throwIfAborted()
    begin()
    progress({ type: 'blob', state: 'started', role, blob, bytes: 0 })
  }
  const asks = mayReuse(session, planned)
  if (asks) {
    const reused = await asking(async () => {
      start()
      return await withRetries(session, operation, () => reuseBlob(session, planned, operation))
    })
    if (reused) {
      reportEnd('reused', reused)
      return reused
    }
  }
  const move = async (): Promise<StoredBlob> => {
    if (!asks) start()
    const attempt = planned.edit === 'convert' ? moveConverted : moveBlob
    const moved = await withRetries(session, operation, () => attempt(session, planned, operation))
    reportEnd(moved.reused ? 'reused' : 'copied', moved)
    return moved
  }
  if (blob.size <= largeBlobBytes) return await moving(move)
  const moveLarge = (): Promise<StoredBlob> => movingLarge(() => moving(move))
  const isEncoded = planned.edit === 'gzip' || planned.edit === 'zstd'
  return await (isEncoded ? encoding(moveLarge) : moveLarge())
}

/** No, if what lies there under the digest is not what the destination wants to have (copy-engine.md §8.2). */
function mayReuse({ destination, options }: CopySession, { edit, crypto }: PlannedBlob): boolean {
  if (!destination.reuseBlob || crypto !== undefined || edit === 'decompress' || edit === 'convert') return false
  return edit === 'none' || !options.forceCompressionFormat
}

async function reuseBlob(
  { source, destination }: CopySession,
  { blob, encoding }: Pick<PlannedBlob, 'blob' | 'encoding'>,
  operation: OperationOptions,
): Promise<StoredBlob | undefined> {
  const substitutes = encoding !== 'as-is'
  let found: Descriptor | undefined
  try {
    found = await destination.reuseBlob?.(blob, { ...operation, from: source.reference, substitutes })
  } catch (error) {
    operation.signal?.throwIfAborted()
    throw new TransferError('destination', 'transfer', `trying to reuse blob ${blob.digest} at destination`, error)
  }
  if (!found) return undefined
  const { digest, size, mediaType } = found
  if (digest === blob.digest) return { digest, size: blob.size, reused: true }
  return { digest, size, compression: declaredCompression(mediaType), reused: true }
}

/** A config written anew for the other manifest format: at most 4 MiB, so it may be held (copy-engine.md §6.2). */
async function moveConverted(
  session: CopySession,
  { role, blob }: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const bytes = ociConfigFromDocker(await readConfig(session, blob, operation))
  const converted = { mediaType: blob.mediaType, digest: digestOf(bytes), size: bytes.length }
  const reused = await reuseBlob(session, { blob: converted, encoding: 'as-is' }, operation)
  if (reused) return reused
  const reading = {
    digest: blob.digest,
    open: async function* () {
      yield bytes
    },
  }
  await writeBlob(session, reading, { role, ...converted, written: () => converted }, operation)
  return { digest: converted.digest, size: converted.size, reused: false }
}

async function readConfig({ source }: CopySession, blob: Descriptor, operation: OperationOptions): Promise<Uint8Array> {
  try {
    const body = createVerification(blob).stage(source.readBlob(blob, operation))
    return await collect(body, maxManifestBytes, `config ${blob.digest}`)
  } catch (error) {
    operation.signal?.throwIfAborted()
    throw new TransferError('source', 'transfer', `reading config blob ${blob.digest}`, error)
  }
}

async function withRetries<T>(
  { delay, options }: CopySession,
  operation: OperationOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TransferError && error.retryable) || ++failures > retries) throw error
      options.log('warn', `${error.message}; trying again (${failures}/${retries})`)
      await delay(firstDelayMs * 2 ** (failures - 1), operation)
    }
  }
}
