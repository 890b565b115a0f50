import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'

import { digestOf } from '@transload/contract'
import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { createGnupgHome, type GnupgHome } from './gnupg-home.ts'
import {
  changed,
  in2024,
  makeKeyCertifiedWithSha1,
  makeKeyWithSubkey,
  makeOldKey,
  manifestBytes,
  payload,
  payloadOf,
  reference,
  signedAndEncrypted,
  signedBy,
  signedByExpiredSubkey,
  signedByOtherUse,
  signedByRenamed,
  signedByRevoked,
  signedByRevokedByAnother,
  signedBySincePutOff,
  type Signed,
} from './openpgp-signatures.ts'
import { openSite, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'gpg', 'gpgconf')

let home: GnupgHome
let site: Site
let manifest: string
let ann: string
let rsa: string
let old: string
beforeAll(async () => {
  if (missing) return
  home = await createGnupgHome()
  site = await openSite({ GNUPGHOME: home.path })
  manifest = join(site.folder, 'manifest.json')
  await writeFile(manifest, manifestBytes)
  ann = await home.makeKey('Ann <ann@example.com>', 'ed25519')
  rsa = await home.makeKey('Rsa <rsa@example.com>', 'rsa2048')
  old = await makeOldKey(home, 'Old', 'never')
}, 120_000)
afterAll(async () => {
  if (missing) return
  await site[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

describe.skipIf(missing)(`both accept a signature ${missing ?? ''}`, () => {
  test.each<[string, () => Promise<Signed>]>([
    ['by an Ed25519 key', () => signedBy(home, ann)],
    ['by an RSA key', () => signedBy(home, rsa)],
    ['by a NIST P-384 key', async () => signedBy(home, await home.makeKey('P-384', 'nistp384'))],
    ['by a DSA key', async () => signedBy(home, await home.makeKey('Dsa', 'dsa2048'))],
    ['by a subkey', async () => signedBy(home, await makeKeyWithSubkey(home))],
    ['by a key whose expiry was put off', () => signedBySincePutOff(home)],
    ['by a key certified with SHA-1', async () => signedBy(home, await makeKeyCertifiedWithSha1(home))],
    ['by a key one of whose names was revoked', () => signedByRenamed(home)],
    ['made years ago', () => signedBy(home, old, { flags: in2024 })],
    ['made years from now', () => signedBy(home, old, { flags: ['--faked-system-time', '20990101T000000!'] })],
    ['in a zip packet', () => signedBy(home, ann, { flags: ['--compress-algo=zip'] })],
    ['in a zlib packet', () => signedBy(home, ann, { flags: ['--compress-algo=zlib'] })],
    ['in a bzip2 packet', () => signedBy(home, ann, { flags: ['--compress-algo=bzip2'] })],
    ['in no packet', () => signedBy(home, ann, { flags: ['-z', '0'] })],
    ['compressed twice', () => changed(signedBy(home, ann), compress)],
    [
      'with more that is optional',
      () => signedBy(home, ann, { content: payload.replace('"creator"', '"x":[1],"creator"') }),
    ],
    ['of JSON with spaces', () => signedBy(home, ann, { content: `${payload}\n ` })],
    ['with a time as 1e9', () => signedBy(home, ann, { content: payload.replace('1700000000', '1e9') })],
  ])('%s', async (_, make) => {
    const [ours, theirs] = await verifiedByBoth(await make())
    expect(theirs).toMatchObject({ code: 0, stderr: '' })
    expect(ours).toEqual(theirs)
  })
})

describe.skipIf(missing)(`both refuse a signature ${missing ?? ''}`, () => {
  test.each<[string, () => Promise<Signed>, string]>([
    ['by another key', async () => ({ ...(await signedBy(home, ann)), keys: [rsa] }), 'no trusted key has the ID'],
    [
      'by a key that expired',
      async () => signedBy(home, await makeOldKey(home, 'Expired', '2024-06-01'), { flags: in2024 }),
      'Primary key is expired',
    ],
    ['by a subkey that expired', () => signedByExpiredSubkey(home), 'Subkey is expired'],
    ['by a revoked key', () => signedByRevoked(home, '0'), 'the key is revoked'],
    ['by a key no longer used', () => signedByRevoked(home, '3'), 'the key is revoked'],
    ['by a key that another revoked', () => signedByRevokedByAnother(home), 'the key is revoked'],
    ['by a key not for signing', () => signedByOtherUse(home), 'Could not find valid signing key'],
    [
      'that expired',
      () => signedBy(home, old, { flags: [...in2024, '--default-sig-expire=30d'] }),
      'Signature is expired',
    ],
    [
      'of changed content',
      () => changed(signedBy(home, ann, { flags: ['-z', '0'] }), tamper),
      'Signed digest did not match',
    ],
    [
      'that is two',
      () => signedBy(home, ann, { flags: ['-u', rsa], keys: [ann, rsa] }),
      'Unexpected GPG signature count 2',
    ],
    ['that is detached', () => signedBy(home, ann, { command: '--detach-sign' }), 'Unexpected GPG signature count 0'],
    ['that is only content', () => signedBy(home, ann, { command: '--store' }), 'No data'],
    ['that is encrypted', () => signedAndEncrypted(home, ann), 'the message is encrypted'],
    [
      'with a weak hash',
      () => signedBy(home, rsa, { flags: ['--digest-algo=MD5', '--allow-weak-digest-algos'] }),
      'MD5',
    ],
    ['that is empty', () => changed(signedBy(home, ann), () => Buffer.of()), 'No data'],
    ['cut off', () => changed(signedBy(home, ann), (bytes) => bytes.subarray(0, 100)), 'unexpected EOF'],
    ['of 10 MB', () => changed(signedBy(home, ann, { flags: ['-z', '0'] }), enlarge), 'more than 4194304 bytes'],
    [
      'that is none',
      () => changed(signedBy(home, ann), () => Buffer.from('garbage')),
      'tag byte does not have MSB set',
    ],
    [
      'with more that is critical',
      () => signedBy(home, ann, { content: payload.replace('"type"', '"x":1,"type"') }),
      'Unknown key "x"',
    ],
    [
      'with more at the top',
      () => signedBy(home, ann, { content: payload.replace('"optional"', '"x":1,"optional"') }),
      'Unknown key "x"',
    ],
    [
      'with a member twice',
      () => signedBy(home, ann, { content: payload.replace('"creator"', '"creator":"y","creator"') }),
      'Duplicate key "creator"',
    ],
    [
      'with a creator that is none',
      () => signedBy(home, ann, { content: payload.replace('"atomic 1"', '1') }),
      '"creator" is not a string',
    ],
    [
      'with a time that is none',
      () => signedBy(home, ann, { content: payload.replace('1700000000', '1.5') }),
      '"timestamp" is not a whole number',
    ],
    [
      'of another type',
      () => signedBy(home, ann, { content: payload.replace('atomic container', 'cosign container image') }),
      'Unrecognized signature type',
    ],
    [
      'of what begins with a byte order mark',
      () => signedBy(home, ann, { content: `\u{feff}${payload}` }),
      'not valid JSON',
    ],
    [
      'of another manifest',
      () => signedBy(home, ann, { content: payloadOf(digestOf(Buffer.of())) }),
      'Signature for docker digest',
    ],
  ])('%s', async (_, make, reason) => {
    const [ours, theirs] = await verifiedByBoth(await make())
    expect(theirs).toMatchObject({ code: 1, stdout: '' })
    expect(ours).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(ours)).toMatch(/^Error verifying signature: /)
    expect(fatalMessage(ours)).toContain(reason)
  })
})

describe.skipIf(missing)(`only skopeo accepts a signature ${missing ?? ''}`, () => {
  test.each<[string, () => Promise<Signed>, string]>([
    [
      'with SHA-1',
      () => signedBy(home, rsa, { flags: ['--digest-algo=SHA1'] }),
      'Insecure message hash algorithm: SHA1',
    ],
    [
      'with RIPEMD-160',
      () => signedBy(home, rsa, { flags: ['--digest-algo=RIPEMD160'] }),
      'Insecure hash algorithm: RIPEMD',
    ],
    [
      'by a short RSA key',
      async () => signedBy(home, await home.makeKey('Short', 'rsa1024')),
      'rsaEncryptSign keys shorter than 2048 bits',
    ],
    [
      'by a brainpool key',
      async () => signedBy(home, await home.makeKey('Brainpool', 'brainpoolP256r1')),
      'keys on brainpoolP256r1 are not supported',
    ],
    [
      'by a secp256k1 key',
      async () => signedBy(home, await home.makeKey('Koblitz', 'secp256k1')),
      'keys on secp256k1 are not supported',
    ],
    ['of text', () => signedBy(home, ann, { flags: ['--textmode'] }), 'not a signature of binary content'],
    ['in armor', () => signedBy(home, ann, { flags: ['--armor'] }), 'No data: the signature is text'],
    ['that is clear text', () => signedBy(home, ann, { command: '--clear-sign' }), 'No data: the signature is text'],
    [
      'compressed again and again',
      () => changed(signedBy(home, ann), (bytes) => times(9, compress, bytes)),
      'compressed again and again',
    ],
  ])('%s', async (_, make, reason) => {
    const [ours, theirs] = await verifiedByBoth(await make())
    expect(theirs).toMatchObject({ code: 0 })
    expect(ours).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(ours)).toContain(reason)
  })
})

async function verifiedByBoth({ file, keys }: Signed): Promise<readonly [Outcome, Outcome]> {
  const keyFile = await home.exportPublic(...keys)
  const words = ['standalone-verify', '--public-key-file', keyFile, manifest, reference, 'any', file]
  return [await site.transload.run(words), await site.skopeo.run(words)]
}

/** In a packet whose length is not said, as gpg does. */
function compress(message: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(0xa3, 1), deflateRawSync(message)])
}

function times<T>(count: number, change: (value: T) => T, value: T): T {
  return count === 0 ? value : times(count - 1, change, change(value))
}

function tamper(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace('example.com', 'exbmple.com'), 'latin1')
}

/** Zeros are no packets. With anything else behind the signature skopeo may go on reading for ever. */
function enlarge(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(10_000_000)])
}
