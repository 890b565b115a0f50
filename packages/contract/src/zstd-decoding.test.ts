import { zstdCompressSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { collect } from './streams.ts'
import { decodeZstd } from './zstd-decoding.ts'

const one = zstdCompressSync('one ')
const two = zstdCompressSync('two')
/** A frame that decoders skip: magic number, length, content. */
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

async function* inChunksOf(size: number, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

async function decode(bytes: Uint8Array, chunkSize = bytes.length): Promise<string> {
  return Buffer.from(await collect(decodeZstd(inChunksOf(chunkSize, bytes)))).toString()
}

describe('decodeZstd', () => {
  it.each([1, 5, 1000])('decodes all frames, in chunks of %i bytes', async (chunkSize) => {
    expect(await decode(Buffer.concat([skippable, one, skippable, two]), chunkSize)).toBe('one two')
  })

  it.each<[string, Buffer, string]>([
    ['a frame that is cut off', two.subarray(0, -1), 'unexpected end of data'],
    ['a magic number that is cut off', Buffer.concat([two, one.subarray(0, 2)]), 'unexpected end of data'],
    ['anything else after a frame', Buffer.concat([two, Buffer.from('more')]), 'invalid zstd magic number'],
  ])('turns down %s', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toMatchObject({ code: 'IO', message })
  })

  it('ends the input when it is given up', async () => {
    let isEnded = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield one
      } finally {
        isEnded = true
      }
    }
    for await (const _ of decodeZstd(endless())) break
    expect(isEnded).toBe(true)
  })
})
