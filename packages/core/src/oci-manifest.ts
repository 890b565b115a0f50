import { digestOf, mediaTypes, parseManifest, TransloadError, type RawManifest } from '@transload/contract'

import type { PlannedImage } from './copy-plan.ts'
import { writtenManifest } from './image-manifest.ts'
import { ociConfigFromDocker } from './oci-config.ts'

/**
 * A Docker manifest in OCI form, as a copy to a place that takes nothing else would write it, layers left as they are.
 * `config` is its config blob, verified. Throws MANIFEST_INVALID for anything but a single image.
 */
export function ociManifestOf(source: RawManifest, config: Uint8Array): RawManifest {
  const manifest = parseManifest(source)
  if (manifest.kind !== 'image')
    throw new TransloadError('MANIFEST_INVALID', `${source.digest} is not a single image with a config`)
  const converted = ociConfigFromDocker(config)
  const image: PlannedImage = {
    manifest: { mediaType: source.mediaType, digest: source.digest, size: source.bytes.length },
    mediaType: mediaTypes.ociManifest,
    signatures: { fate: 'none', count: 0 },
    replacesLayers: false,
    config: { role: 'config', blob: manifest.config, encoding: 'as-is', edit: 'convert' },
    layers: manifest.layers.map((blob) => ({ role: 'layer', blob, encoding: 'as-is', edit: 'none' })),
  }
  return writtenManifest(source, image, ({ role }) =>
    role === 'config' ? { digest: digestOf(converted), size: converted.length, reused: false } : undefined,
  )
}
