import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

import { bytesLike, fc, laterOutcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { collect } from './streams.ts'
import { decodeZstd } from './zstd-decoding.ts'

const skippable = Buffer.from('502a4d1804000000abcdef01', 'hex')
const sample = Buffer.concat([
  zstdCompressSync(Buffer.from('first')),
  skippable,
  zstdCompressSync(Buffer.alloc(3000, 7)),
])

test('frames come back whole, however they are cut into chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 4 }),
      fc.nat(40),
      async (parts, step) => {
        const encoded = Buffer.concat(parts.flatMap((part) => [zstdCompressSync(part), skippable]))
        const decoded = await collect(decodeZstd(inChunks(encoded, step + 1)), 1e6, 'test')
        expect(Buffer.from(decoded)).toEqual(Buffer.concat(parts))
      },
    ),
  )
})

test('what is no zstd ends with an error, and never goes on forever', async () => {
  await fc.assert(
    fc.asyncProperty(bytesLike([sample]), async (bytes) => {
      const decoded = await laterOutcome(() => decodeOrZlibError(bytes))
      if ('code' in decoded) expect(decoded.code).toBe('IO')
    }),
  )
  expect(zstdDecompressSync(sample).toString()).toBe('first')
})

/** A damaged frame has zlib's own error, which the engine words. */
async function decodeOrZlibError(bytes: Uint8Array): Promise<unknown> {
  try {
    return await collect(decodeZstd(inChunks(bytes, 100)), 1e6, 'test')
  } catch (error) {
    if (error instanceof Error && String(Reflect.get(error, 'code')).startsWith('ZSTD_')) return error
    throw error
  }
}

async function* inChunks(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += step) yield bytes.subarray(start, start + step)
}
