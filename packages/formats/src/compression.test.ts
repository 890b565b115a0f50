import { createHash } from 'node:crypto'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'

import { collect } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { decompressor, detectCompression, type Compression } from './compression.ts'

const text = Buffer.concat([Buffer.from('transload\n'.repeat(300)), Buffer.alloc(700)])
const noise = Buffer.concat(Array.from({ length: 9000 }, (_, n) => createHash('sha256').update(`${n}`).digest()))
const skippable = Buffer.from('572a4d1803000000abcdef', 'hex')

/** `text`, by bzip2 1.0.8 and xz 5.4.1. */
const bzip2 = Buffer.from(
  'QlpoOTFBWSZTWd/XoiwABeHBiMAQJAWcAAAQAAggAHIgaBoBSqAYTbnmOykfFIwUj0pGSkcFIwUjRSNFIzSRvV4u5IpwoSG/r0RY',
  'base64',
)
const xz = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4A5zACVdADociEaVE+bNaQPrULRK7iYQcv/hPuWS8lAYATqEZz66UGC5AgAAAAAAJnpVk0RAcmQAAUH0HAAAAK4TKqCxxGf7AgAAAAAEWVo=',
  'base64',
)
const emptyBzip2 = Buffer.from('QlpoORdyRThQkAAAAAA=', 'base64')
const gzip = gzipSync(text)
const zstd = zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

describe('detectCompression', () => {
  it.each<[string, Buffer, Compression | undefined]>([
    ['gzip', gzip, 'gzip'],
    ['bzip2', bzip2, 'bzip2'],
    ['xz', xz, 'xz'],
    ['zstd', zstd, 'zstd'],
    ['text', text, undefined],
    ['nothing', Buffer.alloc(0), undefined],
  ])('recognizes %s', (_, bytes, compression) => {
    expect(detectCompression(bytes.subarray(0, 6))).toBe(compression)
  })
})

describe('decompressor', () => {
  it.each<[string, Compression, Buffer, Buffer]>([
    ['gzip', 'gzip', gzip, text],
    ['gzip of two members', 'gzip', Buffer.concat([gzip, gzip]), Buffer.concat([text, text])],
    ['zstd', 'zstd', zstd, text],
    ['zstd of three frames', 'zstd', Buffer.concat([zstd, zstd, zstd]), Buffer.concat([text, text, text])],
    ['zstd of several blocks', 'zstd', Buffer.concat([zstdCompressSync(noise), zstd]), Buffer.concat([noise, text])],
    [
      'zstd with skippable frames',
      'zstd',
      Buffer.concat([skippable, zstd, skippable, zstd, skippable]),
      Buffer.concat([text, text]),
    ],
    ['bzip2', 'bzip2', bzip2, text],
    ['bzip2 of two streams', 'bzip2', Buffer.concat([bzip2, emptyBzip2, bzip2]), Buffer.concat([text, text])],
    ['empty bzip2', 'bzip2', emptyBzip2, Buffer.alloc(0)],
    ['xz', 'xz', xz, text],
    ['xz of two streams', 'xz', Buffer.concat([xz, xz]), Buffer.concat([text, text])],
  ])('restores %s, however it is cut', async (_, compression, compressed, original) => {
    for (const length of [1 << 20, 7]) {
      const restored = await collect(decompressor(compression)(inPieces(compressed, length)))
      expect(Buffer.compare(restored, original)).toBe(0)
    }
  })

  it.each<[Compression, Buffer]>([
    ['gzip', gzip],
    ['zstd', zstd],
    ['bzip2', bzip2],
    ['xz', xz],
  ])('refuses damaged and truncated %s data', async (compression, compressed) => {
    const damaged = Buffer.from(compressed)
    damaged[Math.floor(damaged.length / 2)]! ^= 0x55
    const truncated = compressed.subarray(0, -9)
    for (const bytes of [damaged, truncated]) {
      await expect(collect(decompressor(compression)(inPieces(bytes, 64)))).rejects.toMatchObject({ code: 'IO' })
    }
  })

  it.each<Compression>(['gzip', 'zstd', 'bzip2', 'xz'])(
    'rethrows an error of the input to %s as it is',
    async (compression) => {
      const failure = new Error('the source failed')
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield { gzip, zstd, bzip2, xz }[compression].subarray(0, 20)
        throw failure
      }
      await expect(collect(decompressor(compression)(failing()))).rejects.toBe(failure)
    },
  )

  it.each<Compression>(['gzip', 'zstd', 'bzip2', 'xz'])(
    'lets go of the input when %s is abandoned',
    async (compression) => {
      let isReleased = false
      async function* input(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield { gzip, zstd, bzip2, xz }[compression]
        } finally {
          isReleased = true
        }
      }
      for await (const _ of decompressor(compression)(input())) break
      expect(isReleased).toBe(true)
    },
  )
})
