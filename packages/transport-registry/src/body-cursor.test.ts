import { collect } from '@transload/contract'
import { expect, test } from 'vitest'

import { BodyCursor } from './body-cursor.ts'

async function* letters(seen: string[] = []): AsyncGenerator<Uint8Array> {
  try {
    for (const text of ['abc', 'def', 'ghi']) {
      seen.push(text)
      yield Buffer.from(text)
    }
  } finally {
    seen.push('ended')
  }
}

async function* never(): AsyncGenerator<Uint8Array> {
  yield await new Promise<Uint8Array>(() => undefined)
}

const textOf = async (chunks: AsyncIterable<Uint8Array>): Promise<string> =>
  Buffer.from(await collect(chunks)).toString()

test('asks for the first chunk at once, and ends the reading', async () => {
  const seen: string[] = []
  const cursor = new BodyCursor(letters(seen))
  expect(seen).toEqual(['abc'])
  await cursor.hasMore()
  await cursor[Symbol.asyncDispose]()
  expect(seen).toEqual(['abc', 'ended'])
})

test('reads in parts of any size', async () => {
  await using cursor = new BodyCursor(letters())
  expect(await textOf(cursor.read(2))).toBe('ab')
  expect(await textOf(cursor.read(5))).toBe('cdefg')
  expect([cursor.position, await cursor.hasMore()]).toEqual([7, true])
  expect(await textOf(cursor.read())).toBe('hi')
  expect([cursor.position, await cursor.hasMore()]).toEqual([9, false])
})

test('a chunk somebody waits for in vain goes to the next one', async () => {
  const gate = Promise.withResolvers<void>()
  async function* slow(): AsyncGenerator<Uint8Array> {
    await gate.promise
    yield* letters()
  }
  await using cursor = new BodyCursor(slow())
  const first = cursor.read().next()
  cursor.detach()
  const second = textOf(cursor.read())
  gate.resolve()
  expect(await first).toMatchObject({ done: true })
  expect(await second).toBe('abcdefghi')
})

test('disposing does not wait for a body that is being waited for', async () => {
  const cursor = new BodyCursor(never())
  await cursor[Symbol.asyncDispose]()
  expect(cursor.position).toBe(0)
})

test('remembers what the body threw', async () => {
  const problem = new Error('no such blob')
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(problem)
  }
  const cursor = new BodyCursor(failing())
  await expect(cursor.hasMore()).rejects.toBe(problem)
  expect(cursor.failure).toEqual({ error: problem })
})
