import { gunzipSync } from 'node:zlib'

import { collect } from '@transload/contract'
import { decompressor } from '@transload/formats'
import { describe, expect, it } from 'vitest'

import { layerEncoder } from './layer-encoder.ts'

const text = Buffer.from('layers all the way down '.repeat(5000))

async function* inChunksOf(size: number, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

const long = Buffer.alloc(9 * 1024 * 1024, 'transload')

describe('layerEncoder', () => {
  it.each(['gzip', 'zstd'] as const)('makes %s that depends on nothing but the input', async (format) => {
    const [whole, cut] = await Promise.all(
      [1 << 20, 777].map((size) => collect(layerEncoder(format, undefined).stage(inChunksOf(size, text)))),
    )
    expect(whole).toEqual(cut)
    expect(Buffer.from(await collect(decompressor(format)(inChunksOf(500, whole!)))).equals(text)).toBe(true)
  })

  it('leaves no time stamp in a gzip header', async () => {
    const bytes = await collect(layerEncoder('gzip', 9).stage(inChunksOf(20_000, text)))
    expect(bytes.subarray(4, 8)).toEqual(Buffer.alloc(4))
    expect(gunzipSync(bytes).equals(text)).toBe(true)
  })

  it.each([-2, 0, 1, 9])('makes one gzip member of several blocks, at level %i', async (level) => {
    const bytes = await collect(layerEncoder('gzip', level).stage(inChunksOf(123_457, long)))
    expect(gunzipSync(bytes).equals(long)).toBe(true)
    const exact = long.subarray(0, 2 * 1024 * 1024)
    expect(gunzipSync(await collect(layerEncoder('gzip', level).stage(inChunksOf(1 << 20, exact)))).equals(exact)).toBe(
      true,
    )
  })

  it('makes several zstd frames of what is long', async () => {
    const bytes = await collect(layerEncoder('zstd', 1).stage(inChunksOf(1 << 20, long)))
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
    expect(Buffer.from(bytes).indexOf(magic, 4)).toBeGreaterThan(0)
    expect(Buffer.from(await collect(decompressor('zstd')(inChunksOf(1 << 16, bytes)))).equals(long)).toBe(true)
  })

  it.each(['gzip', 'zstd'] as const)('makes %s of nothing', async (format) => {
    const bytes = await collect(layerEncoder(format, undefined).stage(inChunksOf(1, Buffer.alloc(0))))
    expect(bytes.length).toBeGreaterThan(0)
    expect(await collect(decompressor(format)(inChunksOf(1, bytes)))).toHaveLength(0)
  })

  it('refuses levels that gzip does not have, and takes any for zstd', () => {
    expect(() => layerEncoder('gzip', 99)).toThrow('gzip: invalid compression level: 99')
    expect(() => layerEncoder('gzip', -3)).toThrow('gzip: invalid compression level: -3')
    expect(layerEncoder('zstd', 99).annotations()).toBeUndefined()
  })
})
