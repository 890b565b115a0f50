import { collect, digestOf, mediaTypes, type ImageSource } from '@transload/contract'
import { expect, test } from 'vitest'

import { rereadBlob } from './reread-blob.ts'

const bytes = Buffer.from('0123456789')
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length }

/** `from`: where its readings began; with `skips` it can begin anywhere. */
function sourceOf(skips: boolean): { readonly source: ImageSource; readonly from: number[] } {
  const from: number[] = []
  async function* read(start: number): AsyncGenerator<Uint8Array> {
    from.push(start)
    for (let at = start; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3)
  }
  const source: ImageSource = {
    reference: { scheme: 'x', text: '', policyScopes: [] },
    readManifest: () => Promise.reject(new Error('not asked for')),
    readBlob: () => read(0),
    ...(skips ? { readBlobFrom: (_: unknown, offset: number) => read(offset) } : {}),
    async [Symbol.asyncDispose]() {},
  }
  return { source, from }
}

test.each([
  [false, 0, 10, '0123456789', [0]],
  [false, 4, 8, '4567', [0]],
  [true, 4, 8, '4567', [4]],
  [true, 0, 2, '01', [0]],
  [true, 5, 5, '', []],
])('skips: %s, %i to %i', async (skips, start, end, text, began) => {
  const { source, from } = sourceOf(skips)
  expect(Buffer.from(await collect(rereadBlob(source, blob, { start, end }))).toString()).toBe(text)
  expect(from).toEqual(began)
})

test('a source that has less now is an error', async () => {
  const { source } = sourceOf(false)
  await expect(collect(rereadBlob(source, blob, { start: 8, end: 12 }))).rejects.toMatchObject({
    code: 'SIZE_MISMATCH',
  })
})
