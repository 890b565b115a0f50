import { constants, createZstdCompress } from 'node:zlib'

import type { Stage } from '@transload/contract'

import { blockwise } from './blockwise.ts'
import { encodeBlock } from './encode-block.ts'

/** A frame for each MiB (RFC 8878 §3.1): several cores share the work, and any decoder reads the result. */
export function encodeZstd(level: number): Stage {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return blockwise(1024 * 1024, ({ bytes }) =>
    encodeBlock(bytes, (chunkSize) => createZstdCompress({ params, chunkSize })),
  )
}
