import { generateKeyPairSync, X509Certificate } from 'node:crypto'

import { generateKey } from 'openpgp'
import { beforeAll, describe, expect, it } from 'vitest'

import { parseCertificate } from './certificate.ts'
import { readDecryptionKeys } from './decryption-keys.ts'
import type { KeyAccess } from './key-access.ts'
import { readRecipients } from './recipients.ts'

const password = 'open sesame'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' })

// openssl req -x509 -new -newkey rsa:2048 -nodes -subj /CN=me -days 36500
const certificatePem = `-----BEGIN CERTIFICATE-----
MIIC/TCCAeWgAwIBAgIUfqCt5k8PgRMHWM8Kx7dDr+Cd/BQwDQYJKoZIhvcNAQEL
BQAwDTELMAkGA1UEAwwCbWUwIBcNMjYxMTI1MDExNTUzWhgPMjEyNjExMDEwMTE1
NTNaMA0xCzAJBgNVBAMMAm1lMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC
AQEAz+6w3n13EOLSNVKR+jumZg4z5Pvl6nf7v/iXi6zUr8VPNa1ko4EbViYYQx7F
OSj/owFPAfzsZ4S2sQtnTY8r9hxjCFc3YaMbc8LrDpMEn9JtBKsXmwB9+uYKuwp0
mo04og4Lpdb/b4fhLTLsAlBFFvGtCoEHKXzMe+1IEMsofsvWGeRmBbwWURZxbmVl
3bh0dCa7X6cubDo5jO9mGsrmxU2wXPOO69NV4dvLFpnhX6Sx9r8JQIt3NqUBahPB
N3HvrbPV6o2GaRKVam4F1A5RyNpZzDbcg4t3LJmSEOJcLTo6Jsegmj0IK3pz5000
Y6/IIqlOmm4zUQvlH36FYhaAQwIDAQABo1MwUTAdBgNVHQ4EFgQU31PqC71NGE6Z
HH9yv+s/Py+cuIAwHwYDVR0jBBgwFoAU31PqC71NGE6ZHH9yv+s/Py+cuIAwDwYD
VR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAjYNYHepLz/ir5wOvprOs
l/4EPci2qTSjWIgE93IdacacDMvdiC/nG8mIolnKTaLQjU30s/8yU8S26CTMTaFi
5zIGQLCh2LJPLvhLPYRS55l8ESemr9S0SBI5Sdx6pzWvDmDbdFKBtSr13ffH+yWR
TezXfIQEgt6X8YMnY39nqYDtSminqyDWUZnXwnARPG3pwrd9428oF6X1Y/5na8i7
zxE6516X9VJ68B7SILjsSWgQDn5y8ikF6ODsMfReh8AMN8O69ljHBlW0eNQWotYz
NnnO8PrfiTz+sas4FnYrtFK5gmxGBUEhaEwqPmOAOmQxYe56B7CEwxmtq7zx9Uev
QA==
-----END CERTIFICATE-----
`

const files = new Map<string, string | Uint8Array>([
  ['public.pem', publicKey.export({ format: 'pem', type: 'spki' })],
  ['public.der', publicKey.export({ format: 'der', type: 'spki' })],
  ['public.jwk', JSON.stringify(publicKey.export({ format: 'jwk' }))],
  ['ec.jwk', JSON.stringify({ ...ec.publicKey.export({ format: 'jwk' }), alg: 'ECDH-ES+A128KW' })],
  ['odd.jwk', JSON.stringify({ ...publicKey.export({ format: 'jwk' }), alg: 'RSA1_5' })],
  ['pkcs8.pem', privateKey.export({ format: 'pem', type: 'pkcs8' })],
  ['pkcs1.pem', privateKey.export({ format: 'pem', type: 'pkcs1' })],
  ['pkcs8.der', privateKey.export({ format: 'der', type: 'pkcs8' })],
  ['pkcs1.der', privateKey.export({ format: 'der', type: 'pkcs1' })],
  ['sec1.pem', ec.privateKey.export({ format: 'pem', type: 'sec1' })],
  ['sec1.der', ec.privateKey.export({ format: 'der', type: 'sec1' })],
  ['private.jwk', JSON.stringify(privateKey.export({ format: 'jwk' }))],
  ['locked1.pem', privateKey.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-128-cbc', passphrase: password })],
  ['locked8.pem', privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: password })],
  ['certificate.pem', certificatePem],
  ['password', password],
  ['notes.txt', 'hello'],
  ['empty', ''],
  ['broken.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
  ['broken.jwk', '{"kty":'],
  ['high.bin', Buffer.from([0x99, 0xff, 0xff, 0, 1])],
])

beforeAll(async () => {
  const { privateKey: armored } = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'armored' })
  const { privateKey: binary } = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'binary' })
  files.set('secret.asc', armored).set('secret.gpg', binary)
})

const access: KeyAccess = {
  readFile: async (path) => {
    const content = files.get(path)
    if (content !== undefined) return Buffer.from(content)
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
      code: 'ENOENT',
      path,
      syscall: 'open',
    })
  },
  readDescriptor: async (descriptor) => {
    if (descriptor === 7) return Buffer.from(password)
    throw Object.assign(new Error(), { code: 'EBADF' })
  },
  readKeyring: async () => Buffer.from('ring'),
  keyProviders: { vault: async () => '', safe: async () => '' },
}

describe('recipients', () => {
  it('are public keys in PEM, DER and JWK', async () => {
    const { jwe } = await readRecipients(['jwe:public.pem', 'jwe:public.der', 'jwe:public.jwk', 'jwe:ec.jwk'], access)
    const algorithms = jwe!.map(({ algorithm }) => algorithm)
    expect(algorithms).toEqual(['RSA-OAEP', 'RSA-OAEP', 'RSA-OAEP', 'ECDH-ES+A128KW'])
  })

  it('are certificates, OpenPGP names and key providers', async () => {
    const texts = ['pkcs7:certificate.pem', 'pgp:Ann', 'provider:vault', 'provider:vault:a:b', 'pgp:bob@example.com']
    const recipients = await readRecipients(texts, access)
    expect(recipients).toMatchObject({
      jwe: [],
      pkcs7: [{ issuerAndSerial: expect.any(Uint8Array) as Uint8Array }],
      pgp: { names: ['Ann', 'bob@example.com'], keyring: Buffer.from('ring') },
      providers: [{ name: 'vault', parameters: ['Enabled', 'a:b'] }],
    })
  })

  it.each([
    ['public.pem', 'Invalid recipient format'],
    ['pem:public.pem', 'Provided protocol not recognized'],
    ['jwe:missing.pem', 'Unable to read file: open missing.pem: no such file or directory'],
    ['jwe:pkcs8.pem', 'File provided is not a public key'],
    ['jwe:private.jwk', 'File provided is not a public key'],
    ['jwe:certificate.pem', 'File provided is not a public key'],
    ['jwe:broken.jwk', 'File provided is not a public key'],
    ['jwe:empty', 'File provided is not a public key'],
    ['jwe:odd.jwk', 'RSA1_5 is an unsupported JWE key algorithm'],
    ['pkcs7:public.pem', 'File provided is not an x509 cert'],
    ['pkcs7:high.bin', 'File provided is not an x509 cert'],
    ['provider:none', 'key provider "none" is not configured'],
    ['provider:toString', 'key provider "toString" is not configured'],
  ])('%s: refused', async (text, message) => {
    await expect(readRecipients([text], access)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  })

  it('are neither tokens nor in a keyring that is not there', async () => {
    await expect(readRecipients(['pkcs11:key.yaml'], access)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(readRecipients(['pgp:Ann'], { readFile: (path) => access.readFile(path) })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
  })
})

describe('decryption keys', () => {
  it.each([
    ['pkcs8.pem'],
    ['pkcs1.pem'],
    ['pkcs8.der'],
    ['pkcs1.der'],
    ['sec1.pem'],
    ['sec1.der'],
    ['private.jwk'],
    [`locked1.pem:${password}`],
    [`locked1.pem:pass=${password}`],
    ['locked8.pem:file=password'],
    ['locked8.pem:fd=7'],
    ['pkcs8.pem:not needed'],
  ])('%s: a private key', async (text) => {
    const { privateKeys } = await readDecryptionKeys([text], access)
    expect(privateKeys).toMatchObject([{ type: 'private' }])
  })

  it('are certificates and OpenPGP secret keys too, and files that are neither are passed over', async () => {
    const texts = ['certificate.pem', 'secret.asc', 'secret.gpg:pass', 'notes.txt', 'empty', 'broken.pem', 'high.bin']
    const { privateKeys, certificates, pgp } = await readDecryptionKeys([...texts, 'broken.jwk', 'public.pem'], access)
    expect(privateKeys).toEqual([])
    expect(certificates).toHaveLength(1)
    expect(pgp!.map((file) => file.password?.length)).toEqual([undefined, 4])
  })

  it('are with all key providers, the named ones with their parameters', async () => {
    const { providers } = await readDecryptionKeys(['provider:safe:x'], access)
    expect(providers).toMatchObject([
      { name: 'safe', parameters: ['x'] },
      { name: 'vault', parameters: [] },
    ])
  })

  it.each([
    ['missing.pem', 'open missing.pem: no such file or directory'],
    ['locked1.pem', 'locked1.pem: Missing password for encrypted private key'],
    ['locked8.pem:hunter2', 'locked8.pem: Wrong password: could not decrypt private key'],
    ['locked1.pem:pass=hunter2', 'locked1.pem: Wrong password: could not decrypt private key'],
    ['locked1.pem:file=missing', 'open missing: no such file or directory'],
    ['locked1.pem:fd=hunter2', 'could not parse file descriptor: fd= has to be followed by a number'],
    ['locked1.pem:fd=8', 'could not read from file descriptor 8'],
    ['provider:none', 'key provider "none" is not configured'],
  ])('%s: refused, without the password', async (text, message) => {
    await expect(readDecryptionKeys([text], access)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  })
})

it('a certificate is named by its issuer and serial number', () => {
  const { serialNumber } = new X509Certificate(certificatePem)
  const { issuerAndSerial } = parseCertificate(Buffer.from(certificatePem))!
  const name = Buffer.from(issuerAndSerial)
  expect(name.toString('hex').toUpperCase().endsWith(serialNumber)).toBe(true)
  expect(name.includes('me')).toBe(true)
})
