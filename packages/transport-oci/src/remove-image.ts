import {
  mediaTypes,
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type OperationOptions,
} from '@transload/contract'
import { chooseOciEntry, type OciLayout } from '@transload/formats'

import type { OciReference } from './reference.ts'

const removableTypes: readonly string[] = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
]

/**
 * Takes the image out of `index.json`, then removes the blobs that nothing left in it needs; those in a shared blob
 * directory stay, because other layouts may need them. Fails before it changes anything when some entry is of a type
 * whose blobs it cannot know.
 */
export async function removeOciImage(
  layout: OciLayout,
  reference: OciReference,
  options: OperationOptions & { readonly hasSharedBlobs: boolean },
): Promise<void> {
  // A layout that is not there must not be made by locking it.
  chooseOciEntry(await layout.readIndex(options), reference)
  await using lock = await layout.lockIndex(options)
  const removed = chooseOciEntry(lock.index, reference)
  const manifests = lock.index.manifests.filter((entry) => entry !== removed)
  const unneeded = await findBlobs(layout, [removed], options)
  for (const digest of await findBlobs(layout, manifests, options)) unneeded.delete(digest)
  await lock.write({ ...lock.index, manifests })
  if (options.hasSharedBlobs) return
  for (const digest of unneeded) await layout.removeBlob(digest)
}

/** Everything below these descriptors, themselves included. A manifest that is not in the layout needs nothing. */
async function findBlobs(
  layout: OciLayout,
  descriptors: readonly Descriptor[],
  options: OperationOptions,
): Promise<Set<Digest>> {
  const found = new Set<Digest>()
  const waiting = [...descriptors]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (found.has(next.digest)) continue
    if (!removableTypes.includes(next.mediaType)) {
      throw new TransloadError('UNSUPPORTED', `unsupported mediaType in index: ${JSON.stringify(next.mediaType)}`)
    }
    found.add(next.digest)
    if ((await layout.blobSize(next.digest)) === undefined) continue
    const manifest = parseManifest(await layout.readManifest(next.digest, next.mediaType, options))
    if (manifest.kind === 'index') waiting.push(...manifest.manifests)
    if (manifest.kind === 'image') for (const { digest } of [manifest.config, ...manifest.layers]) found.add(digest)
  }
  return found
}
