import { deflateRawSync, deflateSync } from 'node:zlib'

import { TransloadError, type SignedByRequirement } from '@transload/contract'
import { enums, revokeKey, type PrivateKey, type PublicKey } from 'openpgp'
import { expect, test } from 'vitest'

import { encodePayload } from '../payload.ts'
import { createOpenPgpVerifier } from './create-verifier.ts'
import { encodePacket, packetTag, readPackets } from './packets.ts'
import { generateTestKey, identity, manifest, payload, signOpaquely } from './simple-signature.test.kit.ts'

const key = await generateTestKey()
const otherKey = await generateTestKey()
const signature = await signOpaquely(key)

test('what a signature by a trusted key proves is returned, with who signed', async () => {
  const verifier = await createOpenPgpVerifier(trusting([otherKey, key]))
  expect(await verifier.verify({ kind: 'simple', bytes: signature })).toEqual({
    manifest,
    identity,
    signer: key.getFingerprint().toUpperCase(),
  })
})

test.each([
  ['in a zip packet', compress(1, deflateRawSync(signature))],
  ['in a zlib packet', compress(2, deflateSync(signature))],
  ['in a packet that compresses nothing', compress(0, signature)],
  ['made tomorrow', await signOpaquely(key, payload, { date: daysAgo(-1) })],
  ['compressed twice', compress(1, deflateRawSync(compress(2, deflateSync(signature))))],
])('a signature %s is accepted', async (_, bytes) => {
  expect(await refusal(bytes, [key])).toBeUndefined()
})

test('keys may be armored, several in a file, and more than what can be read', async () => {
  const armored = Buffer.from(`a comment\n${otherKey.toPublic().armor()}\n${key.toPublic().armor()}`)
  const binary = Buffer.concat([otherKey.toPublic().write(), key.toPublic().write()])
  const secret = key.write()
  const cutOff = Buffer.concat([key, otherKey, otherKey].map((each) => each.toPublic().write())).subarray(0, -50)
  for (const data of [armored, binary, secret, cutOff]) {
    const verifier = await createOpenPgpVerifier({ ...trusting([]), keys: [{ data }] })
    await expect(verifier.verify({ kind: 'simple', bytes: signature })).resolves.toMatchObject({ manifest })
  }
})

test('a revocation in one file counts for the key in another', async () => {
  const { publicKey } = await revokeKey({ key, format: 'object' })
  for (const keys of [
    [key, publicKey],
    [publicKey, key],
  ]) {
    expect(await refusal(signature, keys)).toContain('Invalid GPG signature: the key is revoked')
  }
})

test.each([
  ['of version 3', Buffer.of(3, 5, 0x20)],
  ['by another key', await revocationBy(otherKey)],
])('a key with a revocation %s is not good any more', async (_, body) => {
  const [primary, ...rest] = [...readPackets(key.toPublic().write())].map(encodePacket)
  const data = Buffer.concat([primary!, encodePacket({ tag: packetTag.signature, body }), ...rest])
  const verifier = await createOpenPgpVerifier({ ...trusting([]), keys: [{ data }] })
  await expect(verifier.verify({ kind: 'simple', bytes: signature })).rejects.toThrow(
    /No public keys|the key is revoked/,
  )
})

const expired = await generateTestKey({ date: daysAgo(10), keyExpirationTime: 24 * 60 * 60 })
const old = await generateTestKey({ date: daysAgo(10) })
const nistKey = await generateTestKey({ type: 'ecc', curve: 'nistP256' })
const twoSignatures = messageOfTwo(await signOpaquely(key), await signOpaquely(otherKey))
const [onePass, literal, packet] = [...readPackets(signature)].map(encodePacket) as [Buffer, Buffer, Buffer]
const json = Buffer.from(payload).toString()

test.each<[string, Uint8Array, readonly PublicKey[], string]>([
  ['by another key', signature, [otherKey], 'Invalid GPG signature: no trusted key has the ID'],
  [
    'by a key that expired since',
    await signOpaquely(expired, payload, { date: daysAgo(9.5) }),
    [expired],
    'Invalid GPG signature: Primary key is expired',
  ],
  ['of other content', tampered(signature), [key], 'Invalid GPG signature: Signed digest did not match'],
  ['that is two', twoSignatures, [key, otherKey], 'Unexpected GPG signature count 2'],
  ['without content', packet, [key], 'Unexpected GPG signature count 0'],
  ['that is only content', literal, [key], 'No data'],
  ['that is empty', Buffer.of(), [key], 'No data'],
  ['that is armored', Buffer.from('-----BEGIN PGP MESSAGE-----'), [key], 'No data: '],
  ['cut off in its content', signature.subarray(0, 100), [key], 'unexpected EOF'],
  ['cut off behind its content', Buffer.concat([onePass, literal]), [key], 'unexpected EOF'],
  ['cut off when compressed', compress(2, deflateSync(signature).subarray(0, 50)), [key], 'unexpected EOF'],
  ['of 10 MB', Buffer.alloc(10_000_000, signature), [key], 'the signature is more than 4194304 bytes'],
  ['of 100 MB compressed', compress(1, deflateRawSync(Buffer.alloc(1e8))), [key], 'exceeded maximum allowed size'],
  ['compressed in a way of its own', compress(9, signature), [key], 'unknown compression algorithm 9'],
  ['compressed too often', times(9, signature), [key], 'the signature is compressed again and again'],
  ['that is encrypted', encodePacket({ tag: 18, body: signature }), [key], 'the message is encrypted'],
  ['in another order', Buffer.concat([packet, literal, onePass]), [key], 'not an opaque signed OpenPGP message'],
  ['no message at all', Buffer.from('garbage'), [key], 'tag byte does not have MSB set'],
  [
    'with a weak hash',
    await signOpaquely(nistKey, payload, { hash: enums.hash.sha1 }),
    [nistKey],
    'Invalid GPG signature: Insecure message hash algorithm: SHA1',
  ],
  [
    'of text',
    await signOpaquely(key, payload, { type: enums.signature.text }),
    [key],
    'Invalid GPG signature: not a signature of binary content',
  ],
  [
    'that expired',
    await signOpaquely(old, payload, { date: daysAgo(2), expiresAfterSeconds: 3600 }),
    [old],
    'Invalid GPG signature: Signature is expired',
  ],
  [
    'older than its key',
    await signOpaquely(key, payload, { date: daysAgo(2) }),
    [key],
    'Invalid GPG signature: Key is newer than the signature',
  ],
  [
    'with more in what is critical',
    await signOpaquely(key, Buffer.from(json.replace('"type"', '"more":1,"type"'))),
    [key],
    'Unknown key "more"',
  ],
  [
    'of another type',
    await signOpaquely(key, encodePayload({ manifest, identity }, 'cosign container image signature')),
    [key],
    'Unrecognized signature type "cosign container image signature"',
  ],
  ['of what is no JSON', await signOpaquely(key, Buffer.from('x')), [key], 'not valid JSON'],
])('a signature %s is refused', async (_, bytes, keys, reason) => {
  expect(await refusal(bytes, keys)).toContain(reason)
})

test('what the keys are is looked at only for a signature', async () => {
  const missing = await createOpenPgpVerifier({ ...trusting([]), keys: [{ path: '/no/such/keys' }] })
  await expect(missing.verify({ kind: 'simple', bytes: signature })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'open /no/such/keys: no such file or directory',
  })
  const none = await createOpenPgpVerifier({ ...trusting([]), keys: [{ data: Buffer.from('garbage') }] })
  await expect(none.verify({ kind: 'simple', bytes: signature })).rejects.toThrow('No public keys imported')
  const other = await createOpenPgpVerifier({ ...trusting([key]), keyType: 'X509Certificates' })
  await expect(other.verify({ kind: 'simple', bytes: signature })).rejects.toThrow(
    'Unimplemented "keyType" value "X509Certificates"',
  )
})

function trusting(keys: readonly (PublicKey | PrivateKey)[]): SignedByRequirement {
  return {
    type: 'signedBy',
    keyType: 'GPGKeys',
    keys: keys.map((trusted) => ({ data: trusted.toPublic().write() })),
    signedIdentity: { type: 'matchExact' },
  }
}

/** Why a signature is refused; undefined if it is not. */
async function refusal(bytes: Uint8Array, keys: readonly PublicKey[]): Promise<string | undefined> {
  const verifier = await createOpenPgpVerifier(trusting(keys))
  try {
    await verifier.verify({ kind: 'simple', bytes })
    return undefined
  } catch (error) {
    if (TransloadError.is(error, 'SIGNATURE_INVALID')) return error.message
    throw error
  }
}

function compress(algorithm: number, body: Uint8Array): Uint8Array {
  return encodePacket({ tag: packetTag.compressed, body: Buffer.concat([Buffer.of(algorithm), body]) })
}

function times(count: number, bytes: Uint8Array): Uint8Array {
  return count === 0 ? bytes : times(count - 1, compress(0, bytes))
}

function tampered(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace('example.com', 'exbmple.com'), 'latin1')
}

/** The body of a revocation made for the key that makes it. */
async function revocationBy(revoker: PrivateKey): Promise<Uint8Array> {
  const { publicKey } = await revokeKey({ key: revoker, format: 'object' })
  return publicKey.revocationSignatures[0]!.write()
}

function messageOfTwo(one: Uint8Array, other: Uint8Array): Uint8Array {
  const [[firstPass, content, firstSignature], [secondPass, , secondSignature]] = [one, other].map((bytes) =>
    [...readPackets(bytes)].map(encodePacket),
  ) as [Uint8Array[], Uint8Array[]]
  return Buffer.concat([firstPass!, secondPass!, content!, secondSignature!, firstSignature!])
}

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * 24 * 60 * 60 * 1000)
}
