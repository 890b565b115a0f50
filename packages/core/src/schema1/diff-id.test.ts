import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'

import { collect, digestOf } from '@transload/contract'
import { expect, it } from 'vitest'

import { createDiffIdMeasurement } from './diff-id.ts'

const plain = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) % 251))

async function* inChunks(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

it.each([
  ['plain', plain],
  ['gzip', gzipSync(plain)],
  ['zstd', zstdCompressSync(plain)],
  ['two gzip members', Buffer.concat([gzipSync(plain.subarray(0, 9)), gzipSync(plain.subarray(9))])],
])('of %s bytes is the digest of what they decompress to', async (_, bytes) => {
  const measurement = createDiffIdMeasurement()
  expect(await collect(measurement.stage(inChunks(bytes)))).toEqual(bytes)
  expect(measurement.result()).toBe(digestOf(plain))
})

it('of nothing is that of nothing', async () => {
  const measurement = createDiffIdMeasurement()
  expect(await collect(measurement.stage(inChunks(Buffer.alloc(0))))).toHaveLength(0)
  expect(measurement.result()).toBe(digestOf(Buffer.alloc(0)))
})

it.each([
  ['damaged', Buffer.concat([gzipSync(plain).subarray(0, 20_000), deflateRawSync(plain)])],
  ['cut off', gzipSync(plain).subarray(0, -20)],
])('is not taken of %s data', async (_, bytes) => {
  await expect(collect(createDiffIdMeasurement().stage(inChunks(bytes)))).rejects.toMatchObject({ code: 'IO' })
})

it('lets go of the input when nobody reads on', async () => {
  let isClosed = false
  const input = (async function* () {
    try {
      yield* inChunks(gzipSync(plain), 100)
    } finally {
      isClosed = true
    }
  })()
  for await (const _ of createDiffIdMeasurement().stage(input)) break
  expect(isClosed).toBe(true)
})

it('throws what the input throws', async () => {
  const input = (async function* () {
    yield gzipSync(plain).subarray(0, 1000)
    throw new Error('gone')
  })()
  await expect(collect(createDiffIdMeasurement().stage(input))).rejects.toThrow('gone')
})
