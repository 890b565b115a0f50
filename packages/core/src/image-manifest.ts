import {
  encodeJson,
  mediaTypes,
  parseJsonObject,
  rawManifest,
  type Descriptor,
  type RawManifest,
} from '@transload/contract'

import type { PlannedBlob, PlannedImage } from './copy-plan.ts'
import { descriptorJson } from './descriptor-json.ts'
import type { JsonObject } from './json-object.ts'
import { decryptedAnnotations, writtenMediaType } from './layer-crypto.ts'
import { formatOf } from './manifest-type.ts'
import type { FindStored, StoredBlob } from './move-blob.ts'
import { sortedMap } from './sorted-map.ts'

/**
 * The manifest of an image whose blobs have been stored: the source's very bytes if nothing about it changed, else a
 * new one, serialised as the field's tools do it so that digests agree (copy-engine.md §8.5, formats.md §5.6).
 */
export function writtenManifest(source: RawManifest, image: PlannedImage, findStored: FindStored): RawManifest {
  const converts = image.mediaType !== source.mediaType
  const layersChange =
    image.replacesLayers ||
    image.layers.some(
      (layer) => layer.crypto !== undefined || (findStored(layer)?.digest ?? layer.blob.digest) !== layer.blob.digest,
    )
  if (!converts && !layersChange) return source

  const format = formatOf(image.mediaType)
  const before = parseJsonObject(source.bytes, `manifest ${source.digest}`)
  const config = configJson(before['config'] as JsonObject, image, findStored)
  const layers = image.layers.map((layer, index) =>
    layersChange
      ? movedLayer(layer, findStored(layer), format)
      : keptLayer((before['layers'] as JsonObject[])[index]!, layer, format),
  )
  const after =
    format === 'docker'
      ? { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers }
      : converts
        ? { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }
        : {
            schemaVersion: 2,
            mediaType: before['mediaType'],
            artifactType: before['artifactType'],
            config,
            layers,
            subject: before['subject'] == null ? undefined : descriptorJson(before['subject'] as JsonObject, 'oci'),
            annotations: sortedMap(before['annotations']),
          }
  return rawManifest(Buffer.from(encodeJson(after)), image.mediaType)
}

function configJson(before: JsonObject, { config, mediaType }: PlannedImage, findStored: FindStored): JsonObject {
  const format = formatOf(mediaType)
  if (config?.edit !== 'convert') {
    return descriptorJson(format === 'docker' ? { ...before, mediaType: mediaTypes.dockerConfig } : before, format)
  }
  const { digest, size } = findStored(config)!
  return { mediaType: mediaTypes.ociConfig, digest, size }
}

/** Only its type may differ. */
function keptLayer(before: JsonObject, layer: PlannedBlob, format: 'oci' | 'docker'): JsonObject {
  return descriptorJson({ ...before, mediaType: writtenMediaType(layer, format, undefined) }, format)
}

/** In a rewritten list of layers URLs stay with those left at them, and annotations with those not re-encoded. */
export function movedLayer(layer: PlannedBlob, stored: StoredBlob | undefined, format: 'oci' | 'docker'): JsonObject {
  const { blob, crypto } = layer
  const { digest, size } = stored ?? blob
  const mediaType = writtenMediaType(layer, format, stored?.compression)
  const urls: Descriptor['urls'] = stored ? undefined : blob.urls
  const isReencoded = crypto ? stored?.compression !== undefined : digest !== blob.digest
  const own = crypto === 'decrypt' ? decryptedAnnotations(blob.annotations) : blob.annotations
  const annotations = { ...(isReencoded ? undefined : own), ...stored?.annotations }
  return descriptorJson({ mediaType, digest, size, urls, annotations }, format)
}
