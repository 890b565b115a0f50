import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'

import { collect } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { decoder, encoder } from './codec.ts'

const text = Buffer.from('layers all the way down '.repeat(5000))
const other = Buffer.from('and another frame')

async function* inChunksOf(size: number, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5])

describe('decoder', () => {
  it.each([1, 7, 4096, 1 << 20])('decodes every zstd frame, in chunks of %i bytes', async (size) => {
    const frames = Buffer.concat([zstdCompressSync(text), skippable, zstdCompressSync(other), skippable])
    const decoded = await collect(decoder('zstd')(inChunksOf(size, frames)))
    expect(Buffer.from(decoded).equals(Buffer.concat([text, other]))).toBe(true)
  })

  it('decodes every gzip member', async () => {
    const members = Buffer.concat([gzipSync(text), gzipSync(other)])
    const decoded = await collect(decoder('gzip')(inChunksOf(1000, members)))
    expect(Buffer.from(decoded).equals(Buffer.concat([text, other]))).toBe(true)
  })

  it('decodes a frame without content', async () => {
    expect(await collect(decoder('zstd')(inChunksOf(3, zstdCompressSync(Buffer.alloc(0)))))).toHaveLength(0)
  })

  it.each([
    ['zstd', zstdCompressSync(text).subarray(0, -3), /unexpected end of data/],
    ['zstd', Buffer.concat([zstdCompressSync(text), Buffer.from('garbage')]), /invalid zstd magic number/],
    ['gzip', gzipSync(text).subarray(0, -3), /damaged gzip data: unexpected end of file/],
    ['gzip', Buffer.from('1f8b0800000000000003ffffff', 'hex'), /damaged gzip data: /],
  ] as const)('says that %s data are damaged', async (format, bytes, message) => {
    await expect(collect(decoder(format)(inChunksOf(100, bytes)))).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringMatching(message),
    })
  })

  it.each(['xz', 'bzip2'] as const)('cannot decode %s', (format) => {
    expect(() => decoder(format)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  })

  it('rethrows an error of its input', async () => {
    const broken = (async function* () {
      yield gzipSync(text).subarray(0, 10)
      throw new Error('the disk is gone')
    })()
    await expect(collect(decoder('gzip')(broken))).rejects.toThrow('the disk is gone')
  })
})

const long = Buffer.alloc(9 * 1024 * 1024, 'transload')

describe('encoder', () => {
  it.each(['gzip', 'zstd'] as const)('makes %s that depends on nothing but the input', async (format) => {
    const [whole, cut] = await Promise.all(
      [1 << 20, 777].map((size) => collect(encoder(format, undefined)(inChunksOf(size, text)))),
    )
    expect(whole).toEqual(cut)
    expect(Buffer.from(await collect(decoder(format)(inChunksOf(500, whole!)))).equals(text)).toBe(true)
  })

  it('leaves no time stamp in a gzip header', async () => {
    const bytes = await collect(encoder('gzip', 9)(inChunksOf(20_000, text)))
    expect(bytes.subarray(4, 8)).toEqual(Buffer.alloc(4))
    expect(gunzipSync(bytes).equals(text)).toBe(true)
  })

  it.each([0, 1, 9])('makes one gzip member of several blocks, at level %i', async (level) => {
    const bytes = await collect(encoder('gzip', level)(inChunksOf(123_457, long)))
    expect(gunzipSync(bytes).equals(long)).toBe(true)
    const exact = long.subarray(0, 2 * 1024 * 1024)
    expect(gunzipSync(await collect(encoder('gzip', level)(inChunksOf(1 << 20, exact)))).equals(exact)).toBe(true)
  })

  it('makes several zstd frames of what is long', async () => {
    const bytes = await collect(encoder('zstd', 1)(inChunksOf(1 << 20, long)))
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
    expect(Buffer.from(bytes).indexOf(magic, 4)).toBeGreaterThan(0)
    expect(Buffer.from(await collect(decoder('zstd')(inChunksOf(1 << 16, bytes)))).equals(long)).toBe(true)
  })

  it.each(['gzip', 'zstd'] as const)('makes %s of nothing', async (format) => {
    const bytes = await collect(encoder(format, undefined)(inChunksOf(1, Buffer.alloc(0))))
    expect(bytes.length).toBeGreaterThan(0)
    expect(await collect(decoder(format)(inChunksOf(1, bytes)))).toHaveLength(0)
  })
})
