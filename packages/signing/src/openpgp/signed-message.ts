import { invalidSignature } from '../invalid-signature.ts'
import { decompressBody } from './decompress.ts'
import { encodePacket, packetTag, readPackets, type Packet } from './packets.ts'

/** Of a signature as it is stored, and of what it decompresses to: as much as other tools accept. */
const maxSignatureBytes = 4 * 1024 * 1024

/** What a simple signature has to be: one content and one signature of it. Nothing in it is proven. */
export interface SignedMessage {
  readonly content: Uint8Array
  /** 64 bits of the fingerprint of the signing key, as the message says it: 16 hexadecimal digits in upper case. */
  readonly keyId: string
  /** With its header, as a detached signature of the content would be. */
  readonly signaturePacket: Uint8Array
}

/**
 * Only an opaque signed message is one: a one-pass signature, the content, and the signature, in packets which may be
 * compressed, several times even (trust.md §2). Throws SIGNATURE_INVALID for anything else, in gpgme's words where it
 * has any.
 */
export async function readSignedMessage(bytes: Uint8Array): Promise<SignedMessage> {
  if (bytes.length > maxSignatureBytes) throw invalidSignature(`the signature is more than ${maxSignatureBytes} bytes`)
  if (bytes.length === 0) throw invalidSignature('No data')
  if (isArmored(bytes)) throw invalidSignature('No data: the signature is text, not a binary OpenPGP message')
  const [onePass, literal, signature] = signedPackets(await unwrap(bytes))
  return {
    content: readLiteral(literal.body),
    keyId: readKeyId(onePass.body),
    signaturePacket: encodePacket(signature),
  }
}

/** More than anybody needs; a message can be made that decompresses to itself. */
const maxNesting = 8

/** The packets within any compressed ones around them. */
async function unwrap(bytes: Uint8Array): Promise<readonly Packet[]> {
  let content = bytes
  for (let depth = 0; depth <= maxNesting; depth++) {
    const packets = takeFew(readPackets(content))
    if (packets[0]?.tag !== packetTag.compressed) return packets
    if (packets.length > 1) throw invalidSignature('more than one OpenPGP message')
    content = await decompressBody(packets[0].body, maxSignatureBytes)
  }
  throw invalidSignature('the signature is compressed again and again')
}

/** Enough to tell what is wrong with them. */
function takeFew(packets: Iterable<Packet>): Packet[] {
  const few: Packet[] = []
  for (const packet of packets) if (few.push(packet) > 16) break
  return few
}

function signedPackets(packets: readonly Packet[]): readonly [Packet, Packet, Packet] {
  const tags = packets.map(({ tag }) => tag)
  if (tags.some((tag) => encryptedTags.has(tag))) throw invalidSignature('the message is encrypted')
  const [onePass, literal, signature] = packets
  const count = tags.filter((tag) => tag === packetTag.signature).length
  if (literal === undefined || signature === undefined) {
    if (tags[0] === packetTag.onePassSignature) throw invalidSignature('unexpected EOF')
    // Without content it is a detached signature; without a signature it is only content.
    throw invalidSignature(count > 0 ? 'Unexpected GPG signature count 0' : 'No data')
  }
  if (count !== 1) throw invalidSignature(`Unexpected GPG signature count ${count}`)
  if (tags.join() !== expectedTags.join()) throw invalidSignature('not an opaque signed OpenPGP message')
  return [onePass!, literal, signature]
}

const expectedTags = [packetTag.onePassSignature, packetTag.literal, packetTag.signature]

const encryptedTags: ReadonlySet<number> = new Set([
  packetTag.encryptedSessionKey,
  packetTag.passwordSessionKey,
  packetTag.encrypted,
  packetTag.protected,
  packetTag.aeadEncrypted,
])

/** Behind a format, a file name and a date. */
function readLiteral(body: Uint8Array): Uint8Array {
  const start = 2 + (body[1] ?? 0) + 4
  if (start > body.length) throw invalidSignature('unexpected EOF')
  return body.subarray(start)
}

function readKeyId(onePass: Uint8Array): string {
  if (onePass[0] !== 3 || onePass.length !== 13) throw invalidSignature('unknown version of a one-pass signature')
  return Buffer.from(onePass.subarray(4, 12)).toString('hex').toUpperCase()
}

function isArmored(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 100)).toString('latin1').trimStart().startsWith('-----BEGIN PGP')
}
