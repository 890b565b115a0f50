import { deflateRawSync, deflateSync } from 'node:zlib'

import { expect, test } from 'vitest'

import { decompressBody } from './decompress.ts'

const content = Buffer.from('signed')
const bzip2 = Buffer.from('QlpoOTFBWSZTWcIZerIAAAKBgAahCAAgACIYaDAFaBhdyRThQkMIZerI', 'base64')

test.each([
  [0, content],
  [1, deflateRawSync(content)],
  [2, deflateSync(content)],
  [3, bzip2],
])('algorithm %i', async (algorithm, compressed) => {
  const body = Buffer.concat([Buffer.of(algorithm), compressed])
  expect(Buffer.from(await decompressBody(body, content.length))).toEqual(content)
  await expect(decompressBody(body, content.length - 1)).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('exceeded maximum allowed size of 5 bytes') as unknown,
  })
})

test.each([
  ['nothing', Buffer.of(), 'unknown compression algorithm of nothing'],
  ['another algorithm', Buffer.of(4), 'unknown compression algorithm 4'],
  ['what is cut off', Buffer.concat([Buffer.of(2), deflateSync(content).subarray(0, 5)]), 'unexpected EOF'],
  ['damaged deflate', Buffer.of(2, 1, 2, 3), 'cannot decompress the signature: '],
  ['damaged bzip2', Buffer.of(3, 1, 2, 3, 4), 'cannot decompress the signature: '],
])('%s is refused', async (_, body, message) => {
  await expect(decompressBody(body, 100)).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining(message) as unknown,
  })
})
