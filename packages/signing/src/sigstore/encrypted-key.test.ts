import { generateKeyPairSync, verify } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { encryptPrivateKey } from './encrypted-key.ts'
import { cosigns, skopeos } from './key-files.test.kit.ts'
import { generateKeyPairFiles, publicKeyPem, readSigningKey, signBytes } from './signing-key.ts'

test.each([
  ['cosign', cosigns],
  ['skopeo', skopeos],
])('a key of %s', async (_, { privateKey, publicKey }) => {
  expect(publicKeyPem(await readSigningKey(Buffer.from(privateKey), 'pw'))).toBe(publicKey)
})

test('a key pair of ours', async () => {
  const files = await generateKeyPairFiles('')
  expect(files.privateKey).toMatch(/^-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END/)
  const key = await readSigningKey(Buffer.from(files.privateKey), Buffer.alloc(0))
  expect(publicKeyPem(key)).toBe(files.publicKey)
  expect(key.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
})

test.each([
  ['an RSA key', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'sha256'],
  ['a P-384 key', () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey, 'sha256'],
  ['an Ed25519 key', () => generateKeyPairSync('ed25519').privateKey, undefined],
] as const)('%s signs', async (_, generate, algorithm) => {
  const encrypted = await encryptPrivateKey(generate(), 'ü')
  const key = await readSigningKey(Buffer.from(encrypted), 'ü')
  const bytes = Buffer.from('signed')
  expect(verify(algorithm, bytes, key.publicKey, await signBytes(key, bytes))).toBe(true)
})

describe('refused', () => {
  const box = JSON.parse(Buffer.from(skopeos.privateKey.replaceAll(/-----.*-----|\n/g, ''), 'base64').toString()) as {
    kdf: { params: Record<string, unknown> }
  }
  const withParameters = (changed: Record<string, unknown>): string =>
    boxed({ ...box, kdf: { ...box.kdf, params: { ...box.kdf.params, ...changed } } })
  const plain = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })

  test.each([
    ['an unencrypted key', plain as string, 'unsupported pem type: PRIVATE KEY'],
    ['no PEM', 'key', 'invalid pem block'],
    ['half a PEM', skopeos.privateKey.slice(0, -30), 'invalid pem block'],
    ['other lines in it', skopeos.privateKey.replace('\n', '\nProc-Type: 4,ENCRYPTED\n'), 'invalid pem block'],
    ['no JSON', skopeos.privateKey.replace('\neyJ', '\nAyJ'), 'decrypt: the encrypted key is not valid JSON'],
    ['too cheap a derivation', withParameters({ N: 1024 }), 'decrypt: encrypted: unsupported scrypt parameters'],
    ['too dear a derivation', withParameters({ N: 2 ** 30 }), 'decrypt: encrypted: unsupported scrypt parameters'],
    ['another r', withParameters({ r: 16 }), 'decrypt: encrypted: unsupported scrypt parameters'],
    ['another p', withParameters({ p: 2 }), 'decrypt: encrypted: unsupported scrypt parameters'],
    [
      'another derivation',
      boxed({ ...box, kdf: { ...box.kdf, name: 'argon2' } }),
      'decrypt: encrypted: unsupported key derivation',
    ],
    ['another cipher', boxed({ ...box, cipher: { name: 'aes' } }), 'decrypt: encrypted: unsupported cipher'],
    [
      'a short nonce',
      boxed({ ...box, cipher: { name: 'nacl/secretbox', nonce: 'AAAA' } }),
      'decrypt: encrypted: nonce is invalid',
    ],
    ['no text', boxed({ ...box, ciphertext: 7 }), 'decrypt: encrypted: ciphertext is invalid'],
  ])('%s', async (_, pem, message) => {
    await expect(readSigningKey(Buffer.from(pem), 'pw')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  })

  test.each([
    ['another passphrase', skopeos.privateKey, 'Pw'],
    ['a changed text', boxed({ ...box, ciphertext: 'A'.repeat(64) }), 'pw'],
  ])('%s', async (_, pem, passphrase) => {
    await expect(readSigningKey(Buffer.from(pem), passphrase)).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
      message: 'decrypt: encrypted: decryption failed',
    })
  })

  test('a key that cannot sign', async () => {
    const encrypted = await encryptPrivateKey(generateKeyPairSync('x25519').privateKey, 'pw')
    await expect(readSigningKey(Buffer.from(encrypted), 'pw')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'unsupported key type',
    })
  })
})

function boxed(content: unknown): string {
  const body = Buffer.from(JSON.stringify(content)).toString('base64')
  return `-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n${body}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n`
}
