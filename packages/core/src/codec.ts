import { createGunzip } from 'node:zlib'

import { decodeZstd, throughTransform, TransloadError, type Stage } from '@transload/contract'

import type { CompressionFormat } from './copy-options.ts'
import { encodeGzip } from './gzip-encoding.ts'
import type { Compression } from './layer-encoding.ts'
import { encodeZstd } from './zstd-encoding.ts'

/** No larger output than skopeo's default level gives; zlib's own default, 6, takes 1.6 times as long for 3 % less. */
const defaultLevels: Readonly<Record<CompressionFormat, number>> = { gzip: 4, zstd: 3 }

const chunkSize = 256 * 1024

/** Undoes `compression`. Throws UNSUPPORTED for formats Node cannot read; the stage throws IO for damaged data. */
export function decoder(compression: Compression): Stage {
  switch (compression) {
    case 'none':
      return (input) => input
    case 'gzip':
      return sayingWhat(
        'gzip',
        throughTransform(() => createGunzip({ chunkSize })),
      )
    case 'zstd':
      return sayingWhat('zstd', decodeZstd)
    default:
      throw new TransloadError('UNSUPPORTED', `layers compressed with ${compression} can not be decompressed`, {
        hint: 'Copy the image without changing its layers.',
      })
  }
}

/** Deterministic: the same input and level give the same output, without a time stamp. */
export function encoder(format: CompressionFormat, level = defaultLevels[format]): Stage {
  return format === 'zstd' ? encodeZstd(level) : encodeGzip(level)
}

/** zlib's own errors do not say what was being read. */
function sayingWhat(format: CompressionFormat, decode: Stage): Stage {
  return async function* (input) {
    try {
      yield* decode(input)
    } catch (cause) {
      if (!(cause instanceof Error && 'errno' in cause && 'code' in cause && String(cause.code).startsWith('Z')))
        throw cause
      throw new TransloadError('IO', `damaged ${format} data: ${cause.message}`, { cause })
    }
  }
}
