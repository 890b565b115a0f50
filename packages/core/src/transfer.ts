import type { Digest, OperationOptions } from '@transload/contract'

import { createLimiter, runAll, type Limiter } from './bounded.ts'
import type { CopyPlan, PlannedBlob, PlannedImage, PlannedManifest } from './copy-plan.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { isCompression } from './layer-encoding.ts'
import { moveBlob, type FindStored, type StoredBlob } from './move-blob.ts'
import { ociConfigFromDocker } from './oci-config.ts'
import { readConfig } from './read-config.ts'
import { reuseBlob } from './reuse-blob.ts'
import type { CopySession } from './session.ts'
import { storeBytes } from './store-bytes.ts'
import { withRetries } from './with-retries.ts'

/** Where the blobs of a plan ended up. */
export interface MovedBlobs {
  readonly find: FindStored
  readonly copied: number
  readonly reused: number
  /** Stored by this copy. */
  readonly bytes: number
}

interface Job {
  readonly planned: PlannedBlob
  /** The first image that needs it; absent if only referrers do. */
  readonly image: number | undefined
}

/** Asking whether a blob is there costs a round trip and no bandwidth, so it may run ahead of the moving. */
const questionsAtOnce = 32
const largeBlobBytes = 512 * 1024
/** Each keeps several threads of the pool busy; more of them would only hold more memory. */
const encodingsAtOnce = 2

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
  const diffIds = await knownDiffIds(session, jobs)
  const stored = new Map<string, StoredBlob>()

  await runAll([...jobs], options, async ([key, { planned, image }], operation) => {
    try {
      const begin = (): void => announce(image ?? plan.images.length - 1)
      const turns = { asking, moving, movingLarge, encoding, begin }
      stored.set(key, await transferBlob(session, planned, diffIds.get(planned.blob.digest), turns, operation))
    } catch (error) {
      throw image === undefined ? error : labelError(plannedImageLabel(plan, image), 'transfer', error)
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
function jobKey({ blob, encoding, edit, crypto, needsDiffId }: PlannedBlob): string {
  return [blob.digest, blob.size, encoding, edit, crypto, needsDiffId].join(' ')
}

function distinctJobs({ images, referrers = [] }: CopyPlan): ReadonlyMap<string, Job> {
  const jobs = new Map<string, Job>()
  const add = (planned: PlannedBlob, image: number | undefined): void => {
    const key = jobKey(planned)
    if (planned.edit !== 'skip' && !jobs.has(key)) jobs.set(key, { planned, image })
  }
  for (const [position, image] of images.entries()) for (const planned of blobsOf(image)) add(planned, position)
  for (const { blobs } of referrers) for (const planned of blobs) add(planned, undefined)
  return jobs
}

/** Of the layers whose DiffIDs are needed, those that need not be read for them. */
async function knownDiffIds(
  { options: { cache } }: CopySession,
  jobs: ReadonlyMap<string, Job>,
): Promise<ReadonlyMap<Digest, Digest>> {
  const known = new Map<Digest, Digest>()
  for (const { blob, needsDiffId } of jobs.values().map(({ planned }) => planned)) {
    const diffId = needsDiffId ? await cache.uncompressed(blob.digest) : undefined
    if (diffId !== undefined) known.set(blob.digest, diffId)
  }
  return known
}

/** Layers first. */
function blobsOf({ layers, config }: PlannedImage): readonly PlannedBlob[] {
  return config ? [...layers, config] : layers
}

function reportPlan({ options }: CopySession, { index, images }: CopyPlan, jobs: ReadonlyMap<string, Job>): void {
  options.progress({
    type: 'planned',
    images: images.length,
    blobs: jobs.size,
    bytes: jobs.values().reduce((sum, { planned }) => sum + (planned.blob.size ?? 0), 0),
    ...(index ? { listed: index.listed } : {}),
    ...carriedSignatures(index ?? images[0]!),
    ...(options.signers.length > 0 ? { signers: options.signers.map(({ method }) => method) } : {}),
  })
}

function carriedSignatures({ signatures: { count } }: PlannedManifest): { readonly signatures?: number } {
  return count > 0 ? { signatures: count } : {}
}

/** Reports each image once, in order, at the latest when `image` is begun. */
function imageAnnouncer({ options }: CopySession, { images }: CopyPlan): (image: number) => void {
  let next = 0
  return (image) => {
    for (; next <= image; next++) {
      const { manifest } = images[next]!
      const moved = blobsOf(images[next]!).filter(({ edit }) => edit !== 'skip')
      const blobs = moved.map(({ role, blob }) => ({ role, digest: blob.digest }))
      const turn = { digest: manifest.digest, index: next, count: images.length }
      options.progress({ type: 'image', ...turn, ...carriedSignatures(images[next]!), blobs })
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
  diffId: Digest | undefined,
  { asking, moving, movingLarge, encoding, begin }: Turns,
  operation: OperationOptions & { readonly signal: AbortSignal },
): Promise<StoredBlob> {
  const { role, blob } = planned
  const { progress } = session.options
  const reportEnd = (state: 'copied' | 'reused', { digest, size }: StoredBlob): void =>
    progress({ type: 'blob', state, role, blob, bytes: blob.size ?? size, stored: digest })
  const start = (): void => {
    operation.signal.throwIfAborted()
    begin()
    progress({ type: 'blob', state: 'started', role, blob, bytes: 0 })
  }
  const asks = mayReuse(session, planned, diffId)
  if (asks) {
    const reused = await asking(async () => {
      start()
      return await withRetries(session, operation, () => reuseBlob(session, planned, operation))
    })
    if (reused) {
      reportEnd('reused', reused)
      return { ...reused, diffId }
    }
  }
  const move = async (): Promise<StoredBlob> => {
    if (!asks) start()
    const attempt = planned.edit === 'convert' ? moveConverted : moveBlob
    const moved = await withRetries(session, operation, () => attempt(session, planned, operation))
    reportEnd(moved.reused ? 'reused' : 'copied', moved)
    return moved
  }
  if (blob.size !== undefined && blob.size <= largeBlobBytes) return await moving(move)
  const moveLarge = (): Promise<StoredBlob> => movingLarge(() => moving(move))
  return await (isCompression(planned.edit) ? encoding(moveLarge) : moveLarge())
}

/**
 * No, if what lies there under the digest is not what the destination wants to have (copy-engine.md §8.2), or a DiffID
 * has to be read out of the blob.
 */
function mayReuse(
  { destination, options }: CopySession,
  { edit, crypto, needsDiffId }: PlannedBlob,
  diffId: Digest | undefined,
): boolean {
  if (!destination.reuseBlob || crypto !== undefined || edit === 'decompress' || edit === 'convert') return false
  if (needsDiffId && diffId === undefined) return false
  return edit === 'none' || !options.forceCompressionFormat
}

/** A config written anew for the other manifest format: at most 4 MiB, so it may be held (copy-engine.md §6.2). */
async function moveConverted(
  session: CopySession,
  { blob }: PlannedBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const bytes = ociConfigFromDocker(await readConfig(session.source, blob, 'transfer', operation))
  return await storeBytes(session, { role: 'config', mediaType: blob.mediaType, bytes, madeOf: blob.digest }, operation)
}
