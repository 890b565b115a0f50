import { mediaTypes, TransloadError, type Descriptor } from '@transload/contract'
import { detectCompression, zstdChunkedAnnotations, type Compression } from '@transload/formats'

import type { CompressionFormat } from './copy-options.ts'
import type { BlobEdit, LayerEncoding } from './copy-plan.ts'

export type LayerCompression = Compression | CompressionFormat | 'none'

interface LayerFamily {
  readonly format: 'oci' | 'docker'
  readonly foreign: boolean
  readonly types: Readonly<Partial<Record<Compression | 'none', string>>>
}

/** Layer types that differ only in compression (copy-engine.md §8.5). Docker's zstd is read but never made. */
const families: readonly LayerFamily[] = [
  {
    format: 'oci',
    foreign: false,
    types: { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd },
  },
  {
    format: 'oci',
    foreign: true,
    types: {
      none: mediaTypes.ociForeignLayer,
      gzip: mediaTypes.ociForeignLayerGzip,
      zstd: mediaTypes.ociForeignLayerZstd,
    },
  },
  {
    format: 'docker',
    foreign: false,
    types: { none: mediaTypes.dockerLayer, gzip: mediaTypes.dockerLayerGzip, zstd: mediaTypes.dockerLayerZstd },
  },
  {
    format: 'docker',
    foreign: true,
    types: { none: mediaTypes.dockerForeignLayer, gzip: mediaTypes.dockerForeignLayerGzip },
  },
]

/** What a layer's media type says of its bytes; undefined for types that have no compressed and plain variants. */
export function declaredCompression(mediaType: string): LayerCompression | undefined {
  return familyOf(mediaType)?.compression
}

/** What a layer's descriptor says of its bytes; undefined for types that have no compressed and plain variants. */
export function describedCompression({ mediaType, annotations }: LayerDescription): LayerCompression | undefined {
  const declared = declaredCompression(mediaType)
  return declared === 'zstd' && hasTableOfContents(annotations) ? 'zstd:chunked' : declared
}

/** What a layer is by its first `compressionMagicBytes` bytes. That its zstd is chunked only its annotations tell. */
export function foundCompression(head: Uint8Array, { annotations }: LayerDescription): LayerCompression {
  const found = detectCompression(head) ?? 'none'
  return found === 'zstd' && hasTableOfContents(annotations) ? 'zstd:chunked' : found
}

type LayerDescription = Pick<Descriptor, 'mediaType' | 'annotations'>

function hasTableOfContents(annotations: Descriptor['annotations']): boolean {
  return annotations?.[zstdChunkedAnnotations.tocDigest] !== undefined
}

/** Which decoder reads it, and which media types it has: zstd:chunked is zstd to both. */
export function baseCompression(compression: LayerCompression): Compression | 'none' {
  return compression === 'zstd:chunked' ? 'zstd' : compression
}

/** What has to be done to bytes so that they are as `encoding` says (copy-engine.md §8.4). */
export function editFor(found: LayerCompression, encoding: LayerEncoding): Exclude<BlobEdit, 'skip' | 'convert'> {
  if (encoding === 'as-is') return 'none'
  if (encoding === 'uncompressed') return found === 'none' ? 'none' : 'decompress'
  if (encoding === 'compressed') return found === 'none' ? 'gzip' : 'none'
  return found === encoding || baseCompression(found) === encoding ? 'none' : encoding
}

/** What an edit makes of a layer's bytes; undefined if it leaves them as they are. */
export function compressionAfter(edit: BlobEdit): 'none' | CompressionFormat | undefined {
  if (edit === 'decompress') return 'none'
  return isCompression(edit) ? edit : undefined
}

/** Whether an edit compresses anew. */
export function isCompression(edit: BlobEdit): edit is CompressionFormat {
  return edit === 'gzip' || edit === 'zstd' || edit === 'zstd:chunked'
}

/**
 * The type of a layer in a manifest of `format`, its bytes now being `compression` (undefined: as they were).
 * Throws CONVERSION_IMPOSSIBLE where that format has no such layers.
 */
export function layerMediaType(
  mediaType: string,
  format: 'oci' | 'docker',
  compression: LayerCompression | undefined,
): string {
  const family = familyOf(mediaType)
  const base = compression && baseCompression(compression)
  const sameBytes = base === undefined || base === family?.compression
  if (sameBytes && (family?.format === format || (family === undefined && format === 'oci'))) return mediaType
  if (!family) throw noSuchLayer(mediaType)
  const wanted = families.find((other) => other.format === format && other.foreign === family.foreign)!
  const made = wanted.types[base ?? family.compression]
  if (made === undefined || made === mediaTypes.dockerLayerZstd) throw noZstdInDocker(mediaType)
  return made
}

function familyOf(mediaType: string): (LayerFamily & { readonly compression: Compression | 'none' }) | undefined {
  for (const family of families) {
    const member = Object.entries(family.types).find(([, type]) => type === mediaType)
    if (member) return { ...family, compression: member[0] as Compression | 'none' }
  }
  return undefined
}

function noSuchLayer(mediaType: string): TransloadError {
  return new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    mediaType.endsWith('+encrypted')
      ? `during manifest conversion: encrypted layers ("${mediaType}") are not supported in docker images`
      : `Unknown media type during manifest conversion: "${mediaType}"`,
  )
}

function noZstdInDocker(mediaType: string): TransloadError {
  return new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `Error during manifest conversion: "${mediaType}": zstd compression is not officially supported for docker images`,
    { hint: 'Ask for gzip layers (--dest-compress-format gzip), or keep the OCI format.' },
  )
}
