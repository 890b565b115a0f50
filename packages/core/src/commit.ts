import {
  TransloadError,
  type Digest,
  type OperationOptions,
  type RawManifest,
  type StoredSignature,
} from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import type { CopyResult } from './copy-options.ts'
import type { CopyPlan } from './copy-plan.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { pendingManifests, type PendingManifest } from './pending-manifests.ts'
import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import type { MovedBlobs } from './transfer.ts'

/**
 * Writes the manifests, images before their index, then the signatures, and publishes it all. Until the destination's
 * `commit` nothing is visible under its name. Throws TransferError.
 */
export async function commitImage(
  session: CopySession,
  selected: SelectedImages,
  plan: CopyPlan,
  moved: MovedBlobs,
): Promise<CopyResult> {
  const { destination, options } = session
  const { images, nested, root } = await pendingManifests(session, selected, plan, moved)
  if (plan.index) await writeImages(session, plan, images)
  try {
    for (const { manifest } of nested) await writeManifest(session, manifest, { root: false, list: true }, options)
    await writeReferrers(session, selected)
    await writeManifest(session, root.manifest, { root: true, list: plan.index !== undefined }, options)
  } catch (error) {
    throw isSparse(plan) ? explainSparse(error) : error
  }

  const signed = plan.index ? [...images, ...nested, root] : images
  for (const { manifest, signatures } of signed) await writeSignatures(session, manifest.digest, signatures)
  await committing('committing the finished image', options, () => destination.commit(options))

  const { digest, mediaType, bytes } = root.manifest
  options.progress({ type: 'done', digest })
  return { plan, digest, mediaType, bytes, blobs: { copied: moved.copied, reused: moved.reused, bytes: moved.bytes } }
}

function isSparse({ index, images }: CopyPlan): boolean {
  return index?.others === 'keep' && images.length < index.listed
}

/** Many registries take an index only with all of its images, and say no more than that something is unknown. */
function explainSparse(error: unknown): unknown {
  if (!(error instanceof TransferError)) return error
  const { serverCodes = [] } = error.cause as { readonly serverCodes?: readonly string[] }
  if (!serverCodes.some((code) => code.endsWith('UNKNOWN'))) return error
  const hint =
    'The list names images that are not copied, and the registry takes it only with them: ' +
    'copy all (--all), or have their entries removed (--strip-removed-platforms).'
  const cause = new TransloadError(error.code, (error.cause as Error).message, { cause: error.cause, hint })
  return new TransferError(error.side, error.step, 'writing manifest', cause)
}

async function writeImages(session: CopySession, plan: CopyPlan, images: readonly PendingManifest[]): Promise<void> {
  const { options } = session
  const distinct = new Map(images.entries().map(([index, image]) => [image.manifest.digest, { ...image, index }]))
  const inTurn = createLimiter(options.concurrency)
  await runAll([...distinct.values()], options, ({ manifest, index }, operation) =>
    inTurn(async () => {
      operation.signal.throwIfAborted()
      try {
        await writeManifest(session, manifest, { root: false, list: false }, operation)
      } catch (error) {
        throw labelError(plannedImageLabel(plan, index), 'commit', error)
      }
    }),
  )
}

async function writeReferrers(session: CopySession, { referrers = [] }: SelectedImages): Promise<void> {
  for (const { raw, manifest, isPart } of referrers) {
    const kind = { root: false, list: manifest === undefined, referrer: !isPart }
    await writeManifest(session, raw, kind, session.options)
  }
}

async function writeManifest(
  { destination, options }: CopySession,
  manifest: RawManifest,
  { root, list, referrer = false }: { readonly root: boolean; readonly list: boolean; readonly referrer?: boolean },
  { signal }: OperationOptions,
): Promise<void> {
  options.progress({ type: 'manifest', digest: manifest.digest, root, list })
  const kind = { root, ...(referrer ? { referrer } : {}) }
  await committing('writing manifest', { signal }, () => destination.writeManifest(manifest, { ...kind, signal }))
}

async function writeSignatures(
  { destination, options }: CopySession,
  manifest: Digest,
  signatures: readonly StoredSignature[],
): Promise<void> {
  const writer = destination.signatures
  if (signatures.length === 0 || !writer) return
  await committing('writing signatures', options, () => writer.replace(manifest, signatures, options))
}

async function committing(what: string, { signal }: OperationOptions, write: () => Promise<void>): Promise<void> {
  try {
    signal?.throwIfAborted()
    await write()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('destination', 'commit', what, error)
  }
}
