import { generateKeyPairSync } from 'node:crypto'

import { createDigester } from '@transload/contract'
import { bytesLike, fc, jsonLike, laterOutcome, textLike } from '@transload/fuzz'
import { generateKey } from 'openpgp'
import { expect, test } from 'vitest'

import { parseCertificate } from './certificate.ts'
import { readDecryptionKeys } from './decryption-keys.ts'
import { derElement } from './der.ts'
import { jweRecipient } from './jwe.ts'
import type { KeyAccess } from './key-access.ts'
import { publicOptionsAnnotation, wrappedKeyPrefix } from './key-wrapper.ts'
import { createLayerDecryptor } from './layer-decryptor.ts'
import { createLayerEncryptor } from './layer-encryptor.ts'
import { readRecipients } from './recipients.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = { publicKey, issuerAndSerial: Buffer.concat([derElement(0x30), derElement(0x02, Buffer.of(7))]) }
const pgp = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'binary' })

const encryptor = createLayerEncryptor({
  jwe: [jweRecipient(publicKey)],
  pkcs7: [certificate],
  pgp: { names: ['Ann'], keyring: pgp.publicKey },
})
const decryptor = createLayerDecryptor({
  privateKeys: [privateKey],
  certificates: [certificate],
  pgp: [{ bytes: pgp.privateKey, password: undefined }],
})
const layer = { mediaType: 'x', digest: createDigester().digest(), size: 0 }
const encryption = await encryptor.encryptLayer(layer)
for await (const _ of encryption.stage((async function* () {})())) throw new Error('bytes of nothing')
const annotations = encryption.annotations()
const bytesOf = (name: string): Buffer => Buffer.from(annotations[name]!, 'base64')

/** What came of decrypting with these annotations: the code, or `decrypted`. */
async function outcomeWith(changed: Readonly<Record<string, string>>): Promise<string> {
  const result = await laterOutcome(() => decryptor.decryptLayer({ ...layer, annotations: changed }))
  return 'code' in result ? result.code : 'decrypted'
}

const fine = ['DECRYPTION_FAILED', 'decrypted']

test.each(['pgp', 'pkcs7', 'jwe'])('a key wrapped by %s is found, or refused with a code', async (scheme) => {
  const name = wrappedKeyPrefix + scheme
  const options = annotations[publicOptionsAnnotation]!
  const wrapped = bytesOf(name)
  const changed =
    scheme === 'jwe'
      ? jsonLike([JSON.parse(wrapped.toString())]).map((text) => Buffer.from(text))
      : bytesLike([wrapped])
  await fc.assert(
    fc.asyncProperty(changed, async (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      expect(fine).toContain(await outcomeWith({ [name]: text, [publicOptionsAnnotation]: options }))
    }),
  )
})

test('annotations are read, or refused with a code', async () => {
  const name = `${wrappedKeyPrefix}jwe`
  const options = jsonLike([JSON.parse(bytesOf(publicOptionsAnnotation).toString())])
  const encoded = options.map((text) => Buffer.from(text).toString('base64'))
  await fc.assert(
    fc.asyncProperty(fc.oneof(encoded, textLike([annotations[publicOptionsAnnotation]!])), async (text) => {
      expect(fine).toContain(await outcomeWith({ ...annotations, [publicOptionsAnnotation]: text }))
      expect(fine).toContain(await outcomeWith({ ...annotations, [name]: text }))
    }),
  )
})

test('key arguments are read, or refused with a code', async () => {
  const access: KeyAccess = {
    readFile: async () => Buffer.from(pgp.privateKey),
    readKeyring: async () => pgp.publicKey,
    readDescriptor: async () => Buffer.from('x'),
    keyProviders: { mine: async () => '{}' },
  }
  const samples = ['jwe:a', 'pkcs7:b', 'pgp:Ann', 'pkcs11:c', 'provider:mine:now', 'a:pass=b', 'a:file=b', 'a:fd=3']
  await fc.assert(
    fc.asyncProperty(textLike(samples), async (text) => {
      const recipients = await laterOutcome(() => readRecipients([text], access))
      const keys = await laterOutcome(() => readDecryptionKeys([text], access))
      const codes = [recipients, keys].map((result) => ('code' in result ? result.code : undefined))
      expect([undefined, 'CONFIG_INVALID', 'UNSUPPORTED']).toEqual(expect.arrayContaining(codes))
    }),
  )
})

test('files of keys are read, passed over, or refused with a code', async () => {
  const samples = [
    publicKey.export({ format: 'pem', type: 'spki' }),
    privateKey.export({ format: 'pem', type: 'pkcs8' }),
    privateKey.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-128-cbc', passphrase: 'x' }),
    privateKey.export({ format: 'der', type: 'pkcs1' }),
    JSON.stringify(privateKey.export({ format: 'jwk' })),
    pgp.privateKey,
  ].map((sample) => Buffer.from(sample))
  await fc.assert(
    fc.asyncProperty(bytesLike(samples), async (bytes) => {
      const access = { readFile: async () => bytes }
      const results = [
        await laterOutcome(() => readDecryptionKeys(['file:pass=y'], access)),
        await laterOutcome(() => readRecipients(['jwe:file'], access)),
        await laterOutcome(() => readRecipients(['pkcs7:file'], access)),
      ]
      for (const result of results) if ('code' in result) expect(result.code).toBe('CONFIG_INVALID')
      expect(parseCertificate(bytes)).toBeUndefined()
    }),
  )
})
