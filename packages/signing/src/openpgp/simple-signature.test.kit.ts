import { parseDigest } from '@transload/contract'
import { config, createMessage, enums, generateKey, SignaturePacket, type PrivateKey } from 'openpgp'

import { encodePayload } from '../payload.ts'
import { encodePacket, packetTag } from './packets.ts'

export const manifest = parseDigest(`sha256:${'12'.repeat(32)}`)
export const identity = 'example.com/app:1'
export const payload: Uint8Array = encodePayload(
  { manifest, identity, creator: 'test 1', timestamp: 1_700_000_000 },
  'atomic container signature',
)

/** `keyExpirationTime` is in seconds after `date`. */
export async function generateTestKey(
  options: {
    readonly date?: Date
    readonly keyExpirationTime?: number
    readonly type?: 'ecc'
    readonly curve?: 'nistP256'
  } = {},
): Promise<PrivateKey> {
  const { privateKey } = await generateKey({ userIDs: [{ name: 'Test' }], format: 'object', ...options })
  return privateKey
}

export interface SignatureDetails {
  readonly date?: Date
  readonly hash?: enums.hash
  readonly type?: enums.signature
  readonly expiresAfterSeconds?: number
}

/** An opaque signed message as gpg makes them, not compressed. */
export async function signOpaquely(
  { keyPacket }: PrivateKey,
  content = payload,
  { date, hash = enums.hash.sha512, type = enums.signature.binary, expiresAfterSeconds }: SignatureDetails = {},
): Promise<Uint8Array> {
  const signature = new SignaturePacket()
  signature.signatureType = type
  signature.publicKeyAlgorithm = keyPacket.algorithm
  signature.hashAlgorithm = hash
  if (expiresAfterSeconds !== undefined) {
    signature.signatureNeverExpires = false
    signature.signatureExpirationTime = expiresAfterSeconds
  }
  const [literal] = (await createMessage({ binary: content })).packets
  const plain = { ...config, nonDeterministicSignaturesViaNotation: false }
  // Its type lacks the last parameter, which it cannot do without.
  await (signature as unknown as Sign).sign(keyPacket, literal, date, false, plain)
  const keyId = Buffer.from(keyPacket.getKeyID().toHex(), 'hex')
  return Buffer.concat([
    encodePacket({
      tag: packetTag.onePassSignature,
      body: Buffer.concat([Buffer.of(3, type, hash, keyPacket.algorithm), keyId, Buffer.of(1)]),
    }),
    encodePacket({ tag: packetTag.literal, body: literal!.write() }),
    encodePacket({ tag: packetTag.signature, body: signature.write() }),
  ])
}

interface Sign {
  sign(...values: readonly unknown[]): Promise<void>
}
