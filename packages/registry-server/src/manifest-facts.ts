import {
  mediaTypes,
  parseJsonObject,
  parseManifest,
  readSubject,
  referrerDescriptor,
  TransloadError,
  type Descriptor,
  type Digest,
  type RawManifest,
} from '@transload/contract'

/** What the registry needs to know of a manifest. */
export interface ManifestFacts {
  /** As the referrers API lists it: with its artifact type and annotations. */
  readonly descriptor: Descriptor
  /** Config and layers, foreign ones included. */
  readonly blobs: readonly Digest[]
  /** Of `blobs` those that must be there: foreign layers lie elsewhere. */
  readonly requiredBlobs: readonly Digest[]
  /** Of an index. */
  readonly children: readonly Descriptor[]
  /** The manifest this one refers to (image spec 1.1 `subject`). */
  readonly subject?: Digest
}

/** Throws MANIFEST_INVALID for what is not an OCI or Docker (schema 2) image or index. */
export function readManifestFacts(raw: RawManifest): ManifestFacts {
  const manifest = parseManifest(raw)
  if (manifest.kind === 'schema1') {
    throw new TransloadError('MANIFEST_INVALID', `manifest ${raw.digest} is Docker schema 1, which is not stored here`)
  }
  const json = parseJsonObject(raw.bytes, `manifest ${raw.digest}`)
  const declared = json['mediaType']
  if (declared != null && declared !== raw.mediaType) {
    throw new TransloadError(
      'MANIFEST_INVALID',
      `manifest ${raw.digest} came as ${raw.mediaType} and calls itself ${JSON.stringify(declared)}`,
    )
  }
  const subject = readSubject(raw)
  const layers = manifest.kind === 'image' ? manifest.layers : []
  const config = manifest.kind === 'image' ? [manifest.config.digest] : []
  return {
    descriptor: referrerDescriptor(raw),
    blobs: [...config, ...layers.map(({ digest }) => digest)],
    requiredBlobs: [...config, ...layers.filter((layer) => !isForeign(layer)).map(({ digest }) => digest)],
    children: manifest.kind === 'index' ? manifest.manifests : [],
    ...(subject === undefined ? {} : { subject: subject.digest }),
  }
}

const foreignTypes: readonly string[] = [
  mediaTypes.ociForeignLayer,
  mediaTypes.ociForeignLayerGzip,
  mediaTypes.ociForeignLayerZstd,
  mediaTypes.dockerForeignLayer,
  mediaTypes.dockerForeignLayerGzip,
]

function isForeign(layer: Descriptor): boolean {
  return foreignTypes.includes(layer.mediaType) || (layer.urls?.length ?? 0) > 0
}
