import type { Digest, OperationOptions, RawManifest, StoredSignature } from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import type { CopyResult } from './copy-options.ts'
import type { CopyPlan, PlannedImage } from './copy-plan.ts'
import { defaultPlatform } from './default-platform.ts'
import { writtenIndex } from './image-index.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { plainMediaType } from './layer-crypto.ts'
import { declaredCompression } from './layer-encoding.ts'
import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import type { MovedBlobs } from './transfer.ts'
import { writtenImages } from './written-images.ts'

interface PendingManifest {
  readonly manifest: RawManifest
  readonly signatures: readonly StoredSignature[]
}

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
  const manifests = await writtenImages(session, selected, plan, moved.find)
  const images = manifests.map((manifest, index): PendingManifest => {
    return { manifest, signatures: selected.images[index]!.signatures }
  })
  const root = pendingRoot(selected, plan, images, moved)
  if (plan.index) await writeImages(session, plan, images)
  await writeManifest(session, root.manifest, { root: true, list: plan.index !== undefined }, options)

  const signed = plan.index ? [...images, root] : images
  for (const { manifest, signatures } of signed) await writeSignatures(session, manifest.digest, signatures)
  await committing('committing the finished image', options, () => destination.commit(options))

  const { digest, mediaType, bytes } = root.manifest
  options.progress({ type: 'done', digest })
  return { plan, digest, mediaType, bytes, blobs: { copied: moved.copied, reused: moved.reused, bytes: moved.bytes } }
}

function pendingRoot(
  { index }: SelectedImages,
  plan: CopyPlan,
  images: readonly PendingManifest[],
  moved: MovedBlobs,
): PendingManifest {
  if (!index || !plan.index) return images[0]!
  const instances = plan.images.map((image, position) => ({
    position: image.position!,
    manifest: images[position]!.manifest,
    hasZstdLayers: hasZstdLayers(image, moved),
  }))
  return { manifest: writtenIndex(index.raw, plan.index, instances, defaultPlatform()), signatures: index.signatures }
}

function hasZstdLayers({ layers }: PlannedImage, moved: MovedBlobs): boolean {
  return layers.some(
    (layer) => (moved.find(layer)?.compression ?? declaredCompression(plainMediaType(layer))) === 'zstd',
  )
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

async function writeManifest(
  { destination, options }: CopySession,
  manifest: RawManifest,
  { root, list }: { readonly root: boolean; readonly list: boolean },
  { signal }: OperationOptions,
): Promise<void> {
  options.progress({ type: 'manifest', digest: manifest.digest, root, list })
  await committing('writing manifest', { signal }, () => destination.writeManifest(manifest, { root, signal }))
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
