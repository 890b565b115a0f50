import { invalidSignature } from '../invalid-signature.ts'

/** What a message or a key is made of (RFC 9580 §4). */
export interface Packet {
  readonly tag: number
  readonly body: Uint8Array
}

export const packetTag = {
  encryptedSessionKey: 1,
  signature: 2,
  passwordSessionKey: 3,
  onePassSignature: 4,
  secretKey: 5,
  publicKey: 6,
  compressed: 8,
  encrypted: 9,
  literal: 11,
  protected: 18,
  aeadEncrypted: 20,
} as const

/** One after another, as far as they are asked for. Throws SIGNATURE_INVALID at the first that is none, or not whole. */
export function* readPackets(bytes: Uint8Array): Generator<Packet> {
  for (let position = 0; position < bytes.length;) {
    const first = bytes[position++]!
    if ((first & 0x80) === 0) throw invalidSignature('openpgp: invalid data: tag byte does not have MSB set')
    const isNew = (first & 0x40) !== 0
    const { body, end } = isNew ? readNewBody(bytes, position) : readOldBody(bytes, position, first & 3)
    yield { tag: isNew ? first & 0x3f : (first >> 2) & 0xf, body }
    position = end
  }
}

/** With the one form of header that fits every body. */
export function encodePacket({ tag, body }: Packet): Uint8Array {
  const header = Buffer.alloc(6)
  header[0] = 0xc0 | tag
  header[1] = 255
  header.writeUInt32BE(body.length, 2)
  return Buffer.concat([header, body])
}

interface Body {
  readonly body: Uint8Array
  readonly end: number
}

function readOldBody(bytes: Uint8Array, position: number, lengthType: number): Body {
  // The length is not said: all there is.
  if (lengthType === 3) return part(bytes, position, bytes.length - position)
  const octets = 1 << lengthType
  return part(bytes, position + octets, readNumber(bytes, position, octets))
}

/** A body may come in parts, each with its length; all but the last are a power of two long. */
function readNewBody(bytes: Uint8Array, start: number): Body {
  const parts: Uint8Array[] = []
  for (let position = start; ;) {
    const first = readNumber(bytes, position, 1)
    const isPartial = first >= 224 && first < 255
    const next = isPartial ? part(bytes, position + 1, 2 ** (first & 0x1f)) : readLastPart(bytes, position, first)
    if (!isPartial && parts.length === 0) return next
    parts.push(next.body)
    if (!isPartial) return { body: Buffer.concat(parts), end: next.end }
    position = next.end
  }
}

function readLastPart(bytes: Uint8Array, position: number, first: number): Body {
  if (first < 192) return part(bytes, position + 1, first)
  if (first < 224) return part(bytes, position + 2, (first - 192) * 256 + readNumber(bytes, position + 1, 1) + 192)
  return part(bytes, position + 5, readNumber(bytes, position + 1, 4))
}

function part(bytes: Uint8Array, position: number, length: number): Body {
  const end = position + length
  if (end > bytes.length) throw unexpectedEnd()
  return { body: bytes.subarray(position, end), end }
}

function readNumber(bytes: Uint8Array, position: number, octets: number): number {
  if (position + octets > bytes.length) throw unexpectedEnd()
  return bytes.subarray(position, position + octets).reduce((number, octet) => number * 256 + octet, 0)
}

function unexpectedEnd(): Error {
  return invalidSignature('unexpected EOF')
}
