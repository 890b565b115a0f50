import { isSchema1Type, type OperationOptions, type RawManifest } from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import type { CopyPlan, PlannedImage } from './copy-plan.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { writtenManifest } from './image-manifest.ts'
import type { FindStored } from './move-blob.ts'
import { writeNewerImage } from './schema1/newer-image.ts'
import { updatedSchema1, writeOlderImage } from './schema1/older-image.ts'
import type { SelectedImage, SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'

/**
 * The manifests of a plan's images as they are to be written, in its order, once the blobs they name have been moved.
 * Stores what is only made now: the configs of schema 1 images. Throws TransferError, CONVERSION_IMPOSSIBLE.
 */
export async function writtenImages(
  session: CopySession,
  selected: SelectedImages,
  plan: CopyPlan,
  findStored: FindStored,
): Promise<readonly RawManifest[]> {
  const inTurn = createLimiter(session.options.concurrency)
  return await runAll([...plan.images.entries()], session.options, ([turn, image], operation) =>
    inTurn(async () => {
      operation.signal.throwIfAborted()
      try {
        return await writtenImage(session, selected.images[turn]!, image, findStored, operation)
      } catch (error) {
        throw labelError(plannedImageLabel(plan, turn), 'commit', error)
      }
    }),
  )
}

async function writtenImage(
  session: CopySession,
  { raw, manifest }: SelectedImage,
  image: PlannedImage,
  findStored: FindStored,
  operation: OperationOptions,
): Promise<RawManifest> {
  const becomesSchema1 = isSchema1Type(image.mediaType)
  if (manifest.kind === 'image' && !becomesSchema1) return writtenManifest(raw, image, findStored)
  if (manifest.kind === 'schema1' && becomesSchema1) return updatedSchema1(raw, manifest, image, findStored)
  try {
    return manifest.kind === 'schema1'
      ? await writeNewerImage(session, manifest, image, findStored, operation)
      : await writeOlderImage(session, manifest, image, findStored, operation)
  } catch (error) {
    throw labelError('creating an updated image manifest', 'commit', error)
  }
}
