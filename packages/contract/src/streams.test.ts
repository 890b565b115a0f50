import type { Transform } from 'node:stream'
import { createGunzip, createGzip, gzipSync } from 'node:zlib'

import { describe, expect, test } from 'vitest'

import { coalesce, collect, throughTransform } from './streams.ts'

async function* chunks(...parts: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part
    yield Buffer.from(part)
  }
}

describe('collect', () => {
  test('joins what comes', async () => {
    expect(String(await collect(chunks('a', 'bc')))).toBe('abc')
    expect(await collect(chunks())).toHaveLength(0)
  })

  test('stops at the limit', async () => {
    await expect(collect(chunks('ab', 'c'), 2, 'index')).rejects.toThrow(
      expect.objectContaining({ code: 'SIZE_LIMIT', message: 'index: exceeded maximum allowed size of 2 bytes' }),
    )
    expect(await collect(chunks('ab'), 2)).toHaveLength(2)
  })
})

describe('throughTransform', () => {
  test('is a stage', async () => {
    const zipped = throughTransform(() => createGzip())(chunks('some ', 'text'))
    expect(String(await collect(throughTransform(() => createGunzip())(zipped)))).toBe('some text')
  })

  test('rethrows an error of the input as it is', async () => {
    const error = new Error('from the source')
    await expect(collect(throughTransform(() => createGzip())(chunks('a', error)))).rejects.toBe(error)
  })

  test('throws an error of the transform', async () => {
    await expect(collect(throughTransform(() => createGunzip())(chunks('no gzip')))).rejects.toThrow('incorrect header')
  })

  test('destroys the transform and ends the input when left early', async () => {
    let transform: Transform | undefined
    let isInputEnded = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield gzipSync(Buffer.alloc(100_000, 'x'))
      } finally {
        isInputEnded = true
      }
    }
    const stage = throughTransform(() => (transform = createGunzip()))
    for await (const chunk of stage(endless())) if (chunk.length > 0) break
    expect(transform?.destroyed).toBe(true)
    expect(isInputEnded).toBe(true)
  })

  test('makes nothing before it is read', () => {
    let made = 0
    throughTransform(() => {
      made += 1
      return createGzip()
    })(chunks('a'))
    expect(made).toBe(0)
  })
})

test.each([
  [3, ['ab', 'c', 'd', 'efgh'], ['abc', 'defgh']],
  [1, ['ab', 'c'], ['ab', 'c']],
  [9, ['ab', 'c'], ['abc']],
  [9, [], []],
])('coalesce to %i: %j', async (minBytes, input, expected) => {
  const joined = await Array.fromAsync(coalesce(chunks(...input), minBytes), (chunk) => String(chunk))
  expect(joined).toEqual(expected)
})
