import { generateKeyPairSync } from 'node:crypto'

import { expect, test } from 'vitest'

import { newKey, pemOf } from './attached-signature.test.kit.ts'
import { keyDer, parsePublicKey } from './public-key.ts'

test('a key is read from PEM of either form, whatever is around it', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pkcs1 = publicKey.export({ format: 'pem', type: 'pkcs1' })
  for (const pem of [`# mine\n${pemOf(publicKey).toString()}`, pkcs1]) {
    expect(keyDer(parsePublicKey(Buffer.from(pem), 'public key 1'))).toEqual(keyDer(publicKey))
  }
})

const { privateKey } = newKey()
test.each([
  ['nothing', '', 'parsing K: PEM decoding failed'],
  [
    'a private key',
    privateKey.export({ format: 'pem', type: 'pkcs8' }),
    'parsing K: unknown Public key PEM file type: PRIVATE KEY. Are you passing the correct public key?',
  ],
  ['no base64', '-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----', 'parsing K: PEM: illegal base64 data'],
  ['no end', '-----BEGIN PUBLIC KEY-----\nAAAA', 'parsing K: PEM without an end: PUBLIC KEY'],
  [
    'a short RSA key',
    pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
    'K: RSA key of 1024 bits is too short, at least 2048 are needed',
  ],
  [
    'another curve',
    pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
    'K: unsupported elliptic curve secp256k1',
  ],
  ['another algorithm', pemOf(generateKeyPairSync('x25519').publicKey), 'K: unsupported public key type x25519'],
])('%s is no key to trust', (_, pem, message) => {
  expect(() => parsePublicKey(Buffer.from(pem), 'K')).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message }),
  )
})
