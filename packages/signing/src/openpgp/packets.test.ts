import { expect, test } from 'vitest'

import { encodePacket, readPackets } from './packets.ts'

const long = Buffer.alloc(300, 7)
const wholeKiB = Buffer.alloc(1024, 7)

test.each<[string, Uint8Array, readonly Uint8Array[]]>([
  ['an old length of one octet', Buffer.of(0xac, 2, 1, 2), [Buffer.of(1, 2)]],
  ['an old length of two octets', Buffer.concat([Buffer.of(0xad, 1, 44), long]), [long]],
  ['an old length of four octets', Buffer.of(0xae, 0, 0, 0, 1, 9), [Buffer.of(9)]],
  ['an old length that is not said', Buffer.of(0xaf, 1, 2, 3), [Buffer.of(1, 2, 3)]],
  ['a length of one octet', Buffer.of(0xcb, 1, 9), [Buffer.of(9)]],
  ['a length of two octets', Buffer.concat([Buffer.of(0xcb, 192, 108), long]), [long]],
  ['a length of five octets', Buffer.of(0xcb, 255, 0, 0, 0, 1, 9), [Buffer.of(9)]],
  [
    'parts',
    Buffer.concat([Buffer.of(0xcb, 234), wholeKiB, Buffer.of(224, 8, 2, 1, 2)]),
    [Buffer.concat([wholeKiB, Buffer.of(8, 1, 2)])],
  ],
  ['two packets', Buffer.of(0xcb, 1, 8, 0xac, 1, 9), [Buffer.of(8), Buffer.of(9)]],
  ['no bytes', Buffer.of(), []],
])('%s', (_, bytes, bodies) => {
  expect([...readPackets(bytes)]).toEqual(bodies.map((body) => ({ tag: 11, body })))
})

test.each([
  ['no length', Buffer.of(0xcb)],
  ['half of a length', Buffer.of(0xcb, 192)],
  ['less than the length', Buffer.of(0xcb, 3, 1, 2)],
  ['no last part', Buffer.of(0xcb, 224, 1)],
  ['less than an old length', Buffer.of(0xae, 255, 255, 255, 255)],
])('%s is an unexpected end', (_, bytes) => {
  expect(() => [...readPackets(bytes)]).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID', message: 'unexpected EOF' }),
  )
})

test('what was encoded is read again', () => {
  const packet = { tag: 2, body: long }
  expect([...readPackets(encodePacket(packet))]).toEqual([packet])
})
