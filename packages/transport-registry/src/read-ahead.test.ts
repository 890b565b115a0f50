import { expect, test } from 'vitest'

import { readAhead } from './read-ahead.ts'

test('asks for the first chunk at once, hands on all of them, and ends the reading', async () => {
  const seen: string[] = []
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (const text of ['a', 'b', 'c']) {
        seen.push(text)
        yield Buffer.from(text)
      }
    } finally {
      seen.push('ended')
    }
  }
  const chunks = readAhead(body())
  expect(seen).toEqual(['a'])
  for await (const chunk of chunks) if (Buffer.from(chunk).toString() === 'b') break
  expect(seen).toEqual(['a', 'b', 'ended'])
  const all: string[] = []
  for await (const chunk of readAhead(body())) all.push(Buffer.from(chunk).toString())
  expect(all).toEqual(['a', 'b', 'c'])
})

test('a failure waits for the reader', async () => {
  const chunks = readAhead(failing())
  await new Promise((resolve) => setImmediate(resolve))
  await expect(chunks[Symbol.asyncIterator]().next()).rejects.toThrow('no such blob')
})

async function* failing(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error('no such blob'))
}
