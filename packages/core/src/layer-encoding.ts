import { mediaTypes, TransloadError } from '@transload/contract'

import type { BlobEdit, LayerEncoding } from './copy-plan.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz'

interface LayerFamily {
  readonly format: 'oci' | 'docker'
  readonly foreign: boolean
  readonly types: Readonly<Partial<Record<Compression, string>>>
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
export function declaredCompression(mediaType: string): Compression | undefined {
  return familyOf(mediaType)?.compression
}

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
]

/** As many bytes as {@link detectCompression} looks at. */
export const detectionBytes = 6

/** What the first bytes of a layer are. */
export function detectCompression(head: Uint8Array): Compression {
  return magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0] ?? 'none'
}

/** What has to be done to bytes so that they are as `encoding` says (copy-engine.md §8.4). */
export function editFor(found: Compression, encoding: LayerEncoding): Exclude<BlobEdit, 'skip' | 'convert'> {
  if (encoding === 'as-is') return 'none'
  if (encoding === 'uncompressed') return found === 'none' ? 'none' : 'decompress'
  if (encoding === 'compressed') return found === 'none' ? 'gzip' : 'none'
  return found === encoding ? 'none' : encoding
}

/**
 * The type of a layer in a manifest of `format`, its bytes now being `compression` (undefined: as they were).
 * Throws CONVERSION_IMPOSSIBLE where that format has no such layers.
 */
export function layerMediaType(
  mediaType: string,
  format: 'oci' | 'docker',
  compression: Compression | undefined,
): string {
  const family = familyOf(mediaType)
  const sameBytes = compression === undefined || compression === family?.compression
  if (sameBytes && (family?.format === format || (family === undefined && format === 'oci'))) return mediaType
  if (!family) throw noSuchLayer(mediaType)
  const wanted = families.find((other) => other.format === format && other.foreign === family.foreign)!
  const made = wanted.types[compression ?? family.compression]
  if (made === undefined || made === mediaTypes.dockerLayerZstd) throw noZstdInDocker(mediaType)
  return made
}

function familyOf(mediaType: string): (LayerFamily & { readonly compression: Compression }) | undefined {
  for (const family of families) {
    const member = Object.entries(family.types).find(([, type]) => type === mediaType)
    if (member) return { ...family, compression: member[0] as Compression }
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
