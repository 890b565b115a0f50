import { encodeJson, mediaTypes, rawManifest, type OperationOptions, type RawManifest } from '@transload/contract'

import type { PlannedImage } from '../copy-plan.ts'
import { descriptorJson } from '../descriptor-json.ts'
import { movedLayer } from '../image-manifest.ts'
import { formatOf } from '../manifest-type.ts'
import type { FindStored } from '../move-blob.ts'
import { ociConfigFromDocker } from '../oci-config.ts'
import type { Schema1Manifest } from '../select-images.ts'
import type { CopySession } from '../session.ts'
import { storeBytes } from '../store-bytes.ts'
import { withRetries } from '../with-retries.ts'
import { configFromHistory } from './config-from-history.ts'

/**
 * Stores the config that a schema 1 image has in a newer format, its layers being there, and returns the manifest of
 * that format: without the layers that are thrown away (copy-engine.md §6.2). Throws MANIFEST_INVALID, TransferError.
 */
export async function writeNewerImage(
  session: CopySession,
  { layers: history }: Schema1Manifest,
  { mediaType, layers }: PlannedImage,
  findStored: FindStored,
  operation: OperationOptions,
): Promise<RawManifest> {
  const format = formatOf(mediaType)
  const stored = layers.map((layer) => findStored(layer)!)
  const layersChange = stored.some(({ digest }, index) => digest !== layers[index]!.blob.digest)
  const kept = stored.flatMap((layer, index) => (history[index]!.isThrowaway ? [] : [{ layer, index }]))
  const docker = configFromHistory(
    history,
    kept.map(({ layer }) => layer.diffId!),
  )
  const bytes = format === 'oci' ? ociConfigFromDocker(docker) : docker
  const config = { role: 'config', mediaType: configTypes[format], bytes } as const
  const { digest, size } = await withRetries(session, operation, () => storeBytes(session, config, operation))
  const made = { mediaType: config.mediaType, digest, size }
  session.options.progress({ type: 'blob', state: 'copied', role: 'config', blob: made, bytes: size, stored: digest })
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptorJson(made, format),
    layers: kept.map(({ layer, index }) => {
      // Nothing says what a schema 1 layer is: it counts as gzipped unless it was touched.
      const compression = layersChange ? layer.compression : undefined
      return movedLayer(layers[index]!, { ...layer, compression }, format)
    }),
  }
  return rawManifest(Buffer.from(encodeJson(manifest)), mediaType)
}

const configTypes = { oci: mediaTypes.ociConfig, docker: mediaTypes.dockerConfig } as const
