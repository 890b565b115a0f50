import { mediaTypes, parseManifest, type Manifest, type RawManifest } from '@transload/contract'

/**
 * What is copied as it is may have layers of any type, also in the form of Docker, in which cosign can be told to
 * write. Throws MANIFEST_INVALID.
 */
export function parseReferrer(raw: RawManifest): Manifest {
  return parseManifest(
    raw.mediaType === mediaTypes.dockerManifest ? { ...raw, mediaType: mediaTypes.ociManifest } : raw,
  )
}
