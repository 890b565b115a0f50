import type { Stage } from '@transload/contract'

import { blockwise } from './blockwise.ts'
import { createZstdFrames } from './zstd-frames.ts'

/** A frame for each MiB (RFC 8878 §3.1): several cores share the work, and any decoder reads the result. */
export function encodeZstd(level: number): Stage {
  return async function* (input) {
    using frames = createZstdFrames(level)
    yield* blockwise(1024 * 1024, ({ bytes }) => frames.encode(bytes))(input)
  }
}
