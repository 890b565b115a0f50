import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'

import { collect, digestOf, TransloadError, type Descriptor, type Stage } from '@transload/contract'
import { generateKey, type PrivateKey, type PublicKey } from 'openpgp'
import { beforeAll, describe, expect, it } from 'vitest'

import type { Certificate } from './certificate.ts'
import { derElement } from './der.ts'
import { jweRecipient } from './jwe.ts'
import { createLayerDecryptor } from './layer-decryptor.ts'
import { createLayerEncryptor } from './layer-encryptor.ts'
import type { Recipients } from './recipients.ts'

const plain = randomBytes(200_000)
const digest = digestOf(plain)

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}
const rsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec: Pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
let pgp: { readonly secret: Uint8Array; readonly ring: Uint8Array }
let lockedPgp: { readonly secret: Uint8Array; readonly ring: Uint8Array }

beforeAll(async () => {
  pgp = await pgpKeys('Ann', undefined)
  lockedPgp = await pgpKeys('Bob', 'open sesame')
})

async function pgpKeys(name: string, passphrase: string | undefined): Promise<typeof pgp> {
  const keys: { privateKey: PrivateKey; publicKey: PublicKey } = await generateKey({
    userIDs: [{ name, email: `${name.toLowerCase()}@example.com` }],
    format: 'object',
    ...(passphrase === undefined ? {} : { passphrase }),
  })
  return { secret: keys.privateKey.write(), ring: keys.publicKey.write() }
}

/** The names are only compared. */
function certificate({ publicKey }: Pair, serial: number): Certificate {
  return { publicKey, issuerAndSerial: Buffer.concat([derElement(0x30), derElement(0x02, Buffer.of(serial))]) }
}

async function run(stage: Stage, bytes: Uint8Array): Promise<Uint8Array> {
  return await collect(
    stage(
      (async function* () {
        for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
      })(),
    ),
  )
}

async function encrypt(recipients: Recipients): Promise<{ layer: Descriptor; bytes: Uint8Array }> {
  const source = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: plain.length }
  const encryption = await createLayerEncryptor(recipients).encryptLayer(source)
  const bytes = await run(encryption.stage, plain)
  const annotations = encryption.annotations()
  return { layer: { ...source, digest: digestOf(bytes), size: bytes.length, annotations }, bytes }
}

const certificates = [certificate(rsa, 1), certificate(otherRsa, 2)]

describe('a layer', () => {
  it.each([
    ['RSA', { jwe: [jweRecipient(rsa.publicKey)] }, { privateKeys: [otherRsa.privateKey, rsa.privateKey] }],
    ['EC', { jwe: [jweRecipient(ec.publicKey)] }, { privateKeys: [rsa.privateKey, ec.privateKey] }],
    ['RSA-OAEP-256', { jwe: [jweRecipient(rsa.publicKey, 'RSA-OAEP-256')] }, { privateKeys: [rsa.privateKey] }],
    [
      'two keys, the second',
      { jwe: [jweRecipient(rsa.publicKey), jweRecipient(ec.publicKey)] },
      { privateKeys: [ec.privateKey] },
    ],
    ['a certificate', { pkcs7: [certificates[0]!] }, { privateKeys: [rsa.privateKey], certificates }],
    ['the second certificate', { pkcs7: certificates }, { privateKeys: [otherRsa.privateKey], certificates }],
  ])('for %s is decrypted', async (_, recipients, keys) => {
    const { layer, bytes } = await encrypt(recipients)
    expect(bytes).toHaveLength(plain.length)
    expect(Buffer.compare(bytes, plain)).not.toBe(0)
    const decrypted = await run(await createLayerDecryptor(keys).decryptLayer(layer), bytes)
    expect(digestOf(decrypted)).toBe(digest)
  })

  it('for OpenPGP keys is decrypted, by name and by address', async () => {
    const keyring = Buffer.concat([pgp.ring, lockedPgp.ring])
    const { layer, bytes } = await encrypt({ pgp: { names: ['Ann', 'bob@example.com'], keyring } })
    const password = Buffer.from('open sesame')
    for (const keys of [[{ bytes: pgp.secret, password: undefined }], [{ bytes: lockedPgp.secret, password }]]) {
      const stage = await createLayerDecryptor({ pgp: keys }).decryptLayer(layer)
      expect(digestOf(await run(stage, bytes))).toBe(digest)
    }
    const wrong = createLayerDecryptor({ pgp: [{ bytes: lockedPgp.secret, password: Buffer.from('close') }] })
    await expect(wrong.decryptLayer(layer)).rejects.toThrow('- PGP: No suitable key found to unwrap key\n')
  })

  it('for a key provider is decrypted by asking it', async () => {
    const requests: Record<string, unknown>[] = []
    const call = async (request: string): Promise<string> => {
      const json = JSON.parse(request) as Record<string, Record<string, string>>
      requests.push(json)
      return JSON.stringify({
        keywrapresults: { annotation: json['keywrapparams']!['optsdata'] },
        keyunwrapresults: { optsdata: json['keyunwrapparams']!['annotation'] },
      })
    }
    const providers = [{ name: 'vault', call, parameters: ['ring'] }]
    const { layer, bytes } = await encrypt({ providers })
    expect(Object.keys(layer.annotations!)).toContain('org.opencontainers.image.enc.keys.provider.vault')
    const stage = await createLayerDecryptor({ providers }).decryptLayer(layer)
    expect(digestOf(await run(stage, bytes))).toBe(digest)
    const parameters = { vault: ['cmluZw=='] }
    expect(requests).toMatchObject([
      { op: 'keywrap', keywrapparams: { ec: { Parameters: parameters } } },
      { op: 'keyunwrap', keyunwrapparams: { dc: { Parameters: parameters } } },
    ])
  })

  it('has a key and a nonce of its own', async () => {
    const recipients = { jwe: [jweRecipient(rsa.publicKey)] }
    const [first, second] = [await encrypt(recipients), await encrypt(recipients)]
    expect(first.layer.digest).not.toBe(second.layer.digest)
  })

  it('that was changed fails after its last byte', async () => {
    const { layer, bytes } = await encrypt({ jwe: [jweRecipient(rsa.publicKey)] })
    const decryptor = createLayerDecryptor({ privateKeys: [rsa.privateKey] })
    const flipped = Buffer.from(bytes)
    flipped[flipped.length - 1]! ^= 1
    const changed = [flipped, bytes.subarray(1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.alloc(0)]
    for (const content of changed) {
      await expect(run(await decryptor.decryptLayer(layer), content)).rejects.toMatchObject({
        code: 'DECRYPTION_FAILED',
        message: expect.stringMatching(/^could not properly decrypt byte stream; exp hmac: '[0-9a-f]{64}'/) as string,
      })
    }
  })
})

describe('without the right key', () => {
  const unsuitable =
    'no suitable key unwrapper found or none of the private keys could be used for decryption:\n' +
    'no suitable key found for decrypting layer key:\n'
  it.each([
    [
      'JWE',
      { jwe: [jweRecipient(rsa.publicKey)] },
      { privateKeys: [otherRsa.privateKey] },
      `${unsuitable}- JWE: No suitable private key found for decryption\n\n`,
    ],
    [
      'PKCS #7',
      { pkcs7: [certificates[0]!] },
      { privateKeys: [otherRsa.privateKey], certificates },
      `${unsuitable}- PKCS7: No suitable private key found for decryption\n\n`,
    ],
    [
      'PKCS #7 without a certificate',
      { pkcs7: [certificates[0]!] },
      { privateKeys: [rsa.privateKey] },
      `${unsuitable}- no x509 certificates found needed for PKCS7 decryption\n\n`,
    ],
    ['no key', { jwe: [jweRecipient(rsa.publicKey)] }, {}, 'missing private key needed for decryption:\n'],
  ])('%s says so as ocicrypt does', async (_, recipients, keys, message) => {
    const { layer } = await encrypt(recipients)
    const decrypting = createLayerDecryptor(keys).decryptLayer(layer)
    await expect(decrypting).rejects.toMatchObject({ code: 'DECRYPTION_FAILED', message })
  })
})

describe('hostile annotations', () => {
  const decryptor = createLayerDecryptor({ privateKeys: [rsa.privateKey], certificates })
  const keys = 'org.opencontainers.image.enc.keys.'
  const deep = derElement(0x30, derElement(0x30, derElement(0x30, derElement(0x31))))

  it.each([
    ['none', {}],
    ['not base64', { [`${keys}jwe`]: '%%%' }],
    ['an empty part', { [`${keys}jwe`]: ',,,' }],
    ['not JSON', { [`${keys}jwe`]: base64('{') }],
    ['not an object', { [`${keys}jwe`]: base64('null') }],
    ['no recipients', { [`${keys}jwe`]: base64('{"recipients":[]}') }],
    ['recipients of another type', { [`${keys}jwe`]: base64('{"recipients":7,"ciphertext":[]}') }],
    ['PBES2 with many rounds', { [`${keys}jwe`]: base64(pbes2()) }],
    ['not DER', { [`${keys}pkcs7`]: base64('hello') }],
    ['a length past the end', { [`${keys}pkcs7`]: base64(Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)) }],
    ['an indefinite length', { [`${keys}pkcs7`]: base64(Buffer.of(0x30, 0x80, 0, 0)) }],
    ['DER of something else', { [`${keys}pkcs7`]: base64(deep) }],
    ['random bytes', { [`${keys}pkcs7`]: base64(randomBytes(5000)), [`${keys}jwe`]: base64(randomBytes(5000)) }],
  ])('%s: refused', async (_, annotations) => {
    const layer = { mediaType: 'x', digest, size: 1, annotations }
    await expect(decryptor.decryptLayer(layer)).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' })
  })

  it.each([
    ['no cipher', '{}', 'no cipher type provided'],
    ['another cipher', '{"cipher":"ROT13"}', 'unsupported cipher type: "ROT13"'],
    ['no HMAC', '{"cipher":"AES_256_CTR_HMAC_SHA256"}', 'HMAC is not provided for decryption process'],
    [
      'a short nonce',
      '{"cipher":"AES_256_CTR_HMAC_SHA256","cipheroptions":{"nonce":"AAAA"}}',
      'invalid nonce length of 3 bytes',
    ],
    ['a list', '[]', 'could not JSON unmarshal pubOptsData'],
    ['no JSON', 'secret', 'could not JSON unmarshal pubOptsData'],
  ])('public options with %s: refused', async (_, options, message) => {
    const { layer } = await encrypt({ jwe: [jweRecipient(rsa.publicKey)] })
    const annotations = { ...layer.annotations, 'org.opencontainers.image.enc.pubopts': base64(options) }
    const decrypting = decryptor.decryptLayer({ ...layer, annotations })
    await expect(decrypting).rejects.toMatchObject({ code: 'DECRYPTION_FAILED', message })
  })

  it.each([
    ['too short a key', { symkey: 'AAAA', cipheroptions: { nonce: base64(randomBytes(16)) } }, 'invalid key length'],
    ['no nonce', { symkey: base64(randomBytes(32)), cipheroptions: null }, 'invalid nonce length of 0 bytes'],
    ['nothing', {}, 'invalid key length of 0 bytes; need 32 bytes'],
  ])('private options with %s: refused', async (_, options, message) => {
    const call = async (): Promise<string> => {
      const json = base64(JSON.stringify(options))
      return JSON.stringify({ keywrapresults: { annotation: json }, keyunwrapresults: { optsdata: json } })
    }
    const providers = [{ name: 'liar', call, parameters: [] }]
    const { layer } = await encrypt({ providers })
    await expect(createLayerDecryptor({ providers }).decryptLayer(layer)).rejects.toThrow(message)
  })
})

describe('encrypting', () => {
  it('needs a recipient', () => {
    expect(() => createLayerEncryptor({})).toThrow('no recipient to encrypt for')
  })

  it('names the OpenPGP recipients it has no key for', async () => {
    const missing = encrypt({ pgp: { names: ['Ann', 'Zoe', 'Tom'], keyring: pgp.ring } })
    await expect(missing).rejects.toThrow(
      'unable to create entity list: PGP: No key found for the following recipients: Zoe, Tom',
    )
    await expect(encrypt({ pgp: { names: ['Ann'], keyring: new Uint8Array() } })).rejects.toThrow('No key found')
    const broken = encrypt({ pgp: { names: ['Ann'], keyring: Buffer.from('no keys') } })
    await expect(broken).rejects.toSatisfy((error) => TransloadError.is(error, 'CONFIG_INVALID'))
  })

  it('refuses keys that JWE does not know', () => {
    const { publicKey } = generateKeyPairSync('ed25519')
    expect(() => jweRecipient(publicKey)).toThrow('ed25519 key is an unsupported JWE key algorithm')
    expect(() => jweRecipient(rsa.publicKey, 'RSA1_5')).toThrow('RSA1_5 is an unsupported JWE key algorithm')
  })

  it('refuses a plain layer with the keys of another', async () => {
    const annotations = { 'org.opencontainers.image.enc.keys.jwe': 'x' }
    const encryptor = createLayerEncryptor({ jwe: [jweRecipient(rsa.publicKey)] })
    const encrypting = encryptor.encryptLayer({ mediaType: 'x', digest, size: 1, annotations })
    await expect(encrypting).rejects.toSatisfy((error) => TransloadError.is(error, 'MANIFEST_INVALID'))
  })

  it('fails if a key provider talks nonsense', async () => {
    for (const answer of ['', '[]', '{}', '{"keywrapresults":{"annotation":7}}', '{"keywrapresults":null}']) {
      const providers = [{ name: 'liar', call: async () => answer, parameters: [] }]
      await expect(encrypt({ providers })).rejects.toSatisfy((error) => TransloadError.is(error, 'PROTOCOL'))
    }
  })
})

function base64(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function pbes2(): string {
  const header = Buffer.from('{"alg":"PBES2-HS512+A256KW","p2c":2000000000,"p2s":"AAAAAAAAAAA","enc":"A256GCM"}')
  const recipients = [{ encrypted_key: 'AAAA' }]
  return JSON.stringify({
    protected: header.toString('base64url'),
    recipients,
    iv: 'AAAA',
    ciphertext: 'AA',
    tag: 'AA',
  })
}
