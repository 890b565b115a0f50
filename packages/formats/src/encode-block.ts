import type { Transform } from 'node:stream'

import { collect, throughTransform } from '@transload/contract'

import { once } from './once.ts'

const chunkBytes = 32 * 1024

/**
 * Puts a block through an encoder of its own. In place of zlib's functions that do this at one go: those keep what they
 * return referenced until V8 next collects the old generation, so that it piled up by the dozens of megabytes.
 */
export async function encodeBlock(
  bytes: Uint8Array,
  createEncoder: (chunkSize: number) => Transform,
): Promise<Uint8Array> {
  return await collect(throughTransform(() => createEncoder(chunkBytes))(once(bytes)))
}
