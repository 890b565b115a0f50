import { mediaTypes, TransloadError, type DestinationTraits } from '@transload/contract'

import type { ForeignLayerReader } from './oci-image-source.ts'

/** What a transport of OCI layouts can be told about layers. */
export interface OciLayerOptions {
  /** Store layers as they come. Default false: layers that are not compressed get compressed. */
  readonly acceptUncompressedLayers?: boolean | undefined
  /** Reads layers that have URLs and are not stored. Default: such layers cannot be read. */
  readonly readForeignLayer?: ForeignLayerReader | undefined
}

/** Throws CONFIG_INVALID for an option that is not of its type, naming the transport. */
export function readOciLayerOptions(
  scheme: string,
  { acceptUncompressedLayers, readForeignLayer }: Readonly<Record<string, unknown>>,
): OciLayerOptions {
  if (acceptUncompressedLayers !== undefined && typeof acceptUncompressedLayers !== 'boolean') {
    throw invalid(scheme, 'acceptUncompressedLayers is not true or false')
  }
  if (readForeignLayer !== undefined && typeof readForeignLayer !== 'function') {
    throw invalid(scheme, 'readForeignLayer is not a function')
  }
  return { acceptUncompressedLayers, readForeignLayer: readForeignLayer as ForeignLayerReader | undefined }
}

/** What an OCI layout takes. */
export function ociTraits({ acceptUncompressedLayers = false }: OciLayerOptions): DestinationTraits {
  return {
    manifestTypes: [mediaTypes.ociManifest, mediaTypes.ociIndex],
    anyManifestTypeOnRequest: true,
    layers: acceptUncompressedLayers ? 'as-is' : 'compressed',
    multiImage: true,
    keepsForeignLayers: true,
    referrers: true,
    noSignaturesReason: 'Pushing signatures for OCI images is not supported',
  }
}

function invalid(scheme: string, problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `${scheme} transport: ${problem}`)
}
