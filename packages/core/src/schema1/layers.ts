import { mediaTypes, type Descriptor, type Schema1Content } from '@transload/contract'

/** The layers of a schema 1 image, empty ones too, as Docker's next format would call them: gzipped, size unknown. */
export function schema1Layers({ layers }: Schema1Content): readonly Descriptor[] {
  return layers.map(({ digest }) => ({ mediaType: mediaTypes.dockerLayerGzip, digest, size: undefined }))
}
