import { mediaTypes, type Descriptor } from '@transload/contract'

import type { ImageManifest, Schema1Manifest } from './select-images.ts'

/**
 * The layers of an image, base first; those of schema 1, empty ones too, as Docker's next format would call them:
 * gzipped, of unknown size.
 */
export function imageLayers(manifest: ImageManifest | Schema1Manifest): readonly Descriptor[] {
  if (manifest.kind === 'image') return manifest.layers
  return manifest.layers.map(({ digest }) => ({ mediaType: mediaTypes.dockerLayerGzip, digest, size: undefined }))
}
