import type { RawManifest, StoredSignature } from '@transload/contract'

import type { CopyPlan, PlannedImage, PlannedIndex } from './copy-plan.ts'
import { defaultPlatform } from './default-platform.ts'
import { writtenIndex, type WrittenInstance } from './image-index.ts'
import { plainMediaType } from './layer-crypto.ts'
import { baseCompression, declaredCompression } from './layer-encoding.ts'
import type { SelectedImages, SelectedManifest } from './select-images.ts'
import type { CopySession } from './session.ts'
import type { MovedBlobs } from './transfer.ts'
import { writtenImages } from './written-images.ts'

/** A manifest to be written, and the signatures that go with it. */
export interface PendingManifest {
  readonly manifest: RawManifest
  readonly signatures: readonly StoredSignature[]
  readonly root: boolean
  /** An index. */
  readonly list: boolean
}

export interface PendingManifests {
  readonly images: readonly PendingManifest[]
  /** Indexes in the index, each before the one it is in. */
  readonly nested: readonly PendingManifest[]
  /** The only image, where there is no index. */
  readonly root: PendingManifest
}

/** All there is to write once the blobs are there; stores what is only made now (see `writtenImages`). Each index names what it holds as that is written. */
export async function pendingManifests(
  session: CopySession,
  selected: SelectedImages,
  plan: CopyPlan,
  moved: MovedBlobs,
): Promise<PendingManifests> {
  const manifests = await writtenImages(session, selected, plan, moved.find)
  const images = manifests.map((manifest, turn): PendingManifest => {
    return { manifest, signatures: selected.images[turn]!.signatures, root: !plan.index, list: false }
  })
  if (!selected.index || !plan.index) return { images, nested: [], root: images[0]! }

  const written = new Map<string, WrittenInstance[]>()
  const remember = (path: readonly number[], manifest: RawManifest, hasZstd: boolean): void => {
    const within = path.slice(0, -1).join()
    const instance = { position: path.at(-1)!, manifest, hasZstdLayers: hasZstd }
    written.set(within, [...(written.get(within) ?? []), instance])
  }
  const finish = (
    { raw, signatures }: SelectedManifest,
    path: readonly number[],
    index: PlannedIndex,
  ): PendingManifest => {
    const instances = written.get(path.join()) ?? []
    const manifest = writtenIndex(raw, index, instances, defaultPlatform())
    return { manifest, signatures, root: path.length === 0, list: true }
  }
  for (const [turn, image] of plan.images.entries()) {
    remember(image.path!, images[turn]!.manifest, hasZstdLayers(image, moved))
  }
  const nested = selected.index.nested.map((index, turn) => {
    const pending = finish(index, index.path, plan.nested![turn]!)
    remember(index.path, pending.manifest, false)
    return pending
  })
  return { images, nested, root: finish(selected.index, [], plan.index) }
}

function hasZstdLayers({ layers }: PlannedImage, moved: MovedBlobs): boolean {
  return layers.some(
    (layer) =>
      baseCompression(moved.find(layer)?.compression ?? declaredCompression(plainMediaType(layer)) ?? 'none') ===
      'zstd',
  )
}
