import { mediaTypes, type OperationOptions, type RawManifest } from '@transload/contract'

import type { PlannedImage } from '../copy-plan.ts'
import type { FindStored } from '../move-blob.ts'
import { readConfig } from '../read-config.ts'
import type { ImageManifest, Schema1Manifest } from '../select-images.ts'
import type { CopySession } from '../session.ts'
import { storeBytes } from '../store-bytes.ts'
import { withRetries } from '../with-retries.ts'
import { emptyLayer } from './empty-layer.ts'
import { historyFromConfig } from './history-from-config.ts'
import { encodeSchema1 } from './serialization.ts'

/**
 * The schema 1 manifest of an image in a newer format, whose layers have been stored. Its config goes into it; the
 * blob for layers without content is stored if there are any (copy-engine.md §6.2). The IDs are made of the source's
 * digests. Throws CONVERSION_IMPOSSIBLE, MANIFEST_INVALID, TransferError.
 */
export async function writeOlderImage(
  session: CopySession,
  { config, layers: before }: ImageManifest,
  { layers, embeddedName }: PlannedImage,
  findStored: FindStored,
  operation: OperationOptions,
): Promise<RawManifest> {
  const bytes = await withRetries(session, operation, () => readConfig(session.source, config, 'commit', operation))
  const { architecture, layers: made } = historyFromConfig(
    bytes,
    before.map(({ digest }) => digest),
  )
  if (made.some(({ isThrowaway }) => isThrowaway)) {
    const blob = { role: 'layer', mediaType: mediaTypes.dockerLayerGzip, bytes: emptyLayer.bytes } as const
    await withRetries(session, operation, () => storeBytes(session, blob, operation))
  }
  const { name, tag } = embeddedName!
  return encodeSchema1({
    name,
    tag,
    architecture,
    layers: made.map(({ digest, position, v1Compatibility }) => {
      const layer = position === undefined ? undefined : findStored(layers[position]!)
      return { digest: layer?.digest ?? digest, v1Compatibility }
    }),
  })
}

/** The manifest of a schema 1 image that stays one: the source's very bytes if nothing about it changed. */
export function updatedSchema1(
  source: RawManifest,
  manifest: Schema1Manifest,
  { mediaType, layers, embeddedName }: PlannedImage,
  findStored: FindStored,
): RawManifest {
  const moved = manifest.layers.map((layer, index) => ({ ...layer, digest: findStored(layers[index]!)!.digest }))
  const layersChange = moved.some(({ digest }, index) => digest !== manifest.layers[index]!.digest)
  if (mediaType === source.mediaType && !layersChange && !embeddedName) return source
  return encodeSchema1({ ...manifest, ...embeddedName, layers: moved })
}
