import { constants, createZstdCompress } from 'node:zlib'

import type { Stage } from '@transload/contract'

import { blockwise } from './blockwise.ts'
import { encodeBlock } from './encode-block.ts'

/** A frame for each MiB (RFC 8878 §3.1): several cores share the work, and any decoder reads the result. */
export function encodeZstd(level: number): Stage {
  return blockwise(1024 * 1024, ({ bytes }) => encodeZstdFrame([bytes], level))
}

/** One frame of all the pieces together. It states their size, and takes little memory if that is small. */
export async function encodeZstdFrame(pieces: readonly Uint8Array[], level: number): Promise<Uint8Array> {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  // The encoder's output depends on how its input is cut.
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  const pledgedSrcSize = bytes.length
  return await encodeBlock(bytes, (chunkSize) => createZstdCompress({ params, chunkSize, pledgedSrcSize }))
}
