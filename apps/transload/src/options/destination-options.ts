import { displayText, referenceText, TransloadError, type ImageReference } from '@transload/contract'
import type { CompressionFormat, CopyOptions } from '@transload/core'

import { boolFlag, intFlag, stringFlag, type FlagValues } from '../arguments/flag.ts'
import type { CommandLog } from '../log.ts'

/** What becomes of layers at the destination of `copy`. */
export const destinationFlags = {
  compress: boolFlag(
    'dest-compress',
    "Compress tarball image layers when saving to directory using the 'dir' transport. (default is same compression type as source)",
  ),
  compressFormat: stringFlag('dest-compress-format', 'FORMAT to use for the compression (gzip, zstd or zstd:chunked)', {
    placeholder: 'FORMAT',
  }),
  compressLevel: intFlag('dest-compress-level', 'LEVEL to use for the compression', { placeholder: 'LEVEL' }),
  decompress: boolFlag(
    'dest-decompress',
    "Decompress tarball image layers when saving to directory using the 'dir' transport. (default is same compression type as source)",
  ),
  forceCompressFormat: boolFlag(
    'dest-force-compress-format',
    'Force exclusive use of the compression algorithm set in --dest-compress-format even for blobs already compressed by another algorithm',
  ),
  ociAcceptUncompressedLayers: boolFlag(
    'dest-oci-accept-uncompressed-layers',
    "Allow uncompressed image layers when saving to an OCI image using the 'oci' transport. (default is to compress things that aren't compressed)",
  ),
  precomputeDigests: boolFlag(
    'dest-precompute-digests',
    'Precompute digests to prevent uploading layers already on the registry using the "docker" transport.',
  ),
}

export type DestinationValues = FlagValues<typeof destinationFlags>

export type LayerOptions = Pick<
  CopyOptions,
  'layers' | 'compressionFormat' | 'compressionLevel' | 'forceCompressionFormat' | 'precomputeDigests'
>

/** Throws USAGE for flags that contradict each other. Warns of those the destination has no use for. */
export function resolveLayerOptions(
  values: DestinationValues,
  destination: ImageReference,
  log: CommandLog,
): LayerOptions {
  const { compress = false, decompress = false, compressFormat, compressLevel, forceCompressFormat = false } = values
  if (forceCompressFormat && compressFormat === undefined) {
    throw new TransloadError('USAGE', 'cannot use ForceCompressionFormat with undefined default compression format')
  }
  const { scheme } = destination
  const isDirectory = scheme === 'dir'
  if (isDirectory && compress && decompress) {
    const name = displayText(referenceText(destination))
    throw new TransloadError(
      'USAGE',
      `initializing destination ${name}: Cannot compress and decompress at the same time`,
    )
  }
  if (compress && !isDirectory) warnDirectoryOnly('--dest-compress', log)
  if (decompress && !isDirectory) warnDirectoryOnly('--dest-decompress', log)
  const compressionFormat = compressFormat === undefined ? undefined : parseFormat(compressFormat)
  return {
    layers: layerTreatment(values, scheme),
    compressionFormat,
    compressionLevel: compressLevel,
    forceCompressionFormat: forceCompressFormat,
    precomputeDigests: scheme === 'docker' && values.precomputeDigests,
  }
}

function layerTreatment(values: DestinationValues, scheme: string): CopyOptions['layers'] {
  if (scheme === 'dir' && values.compress) return 'compressed'
  if (scheme === 'dir' && values.decompress) return 'uncompressed'
  if ((scheme === 'oci' || scheme === 'oci-archive') && values.ociAcceptUncompressedLayers) return 'as-is'
  return undefined
}

function parseFormat(text: string): CompressionFormat {
  if (text === 'gzip' || text === 'zstd' || text === 'zstd:chunked') return text
  if (text === 'bzip2' || text === 'Xz') {
    throw new TransloadError(
      'CONVERSION_IMPOSSIBLE',
      `compression using ${text} required, but none of the known manifest formats support it`,
    )
  }
  throw new TransloadError('USAGE', `cannot find compressor for ${JSON.stringify(text)}`, {
    hint: 'Formats: gzip, zstd, zstd:chunked.',
  })
}

function warnDirectoryOnly(flag: string, log: CommandLog): void {
  log('warn', `${flag} can only be used if the destination transport is 'dir'`)
}
