import { digestOf } from '@transload/contract'
import { encryptKey, generateKey, readMessage, readPrivateKey, verify, type PrivateKey } from 'openpgp'
import { beforeAll, describe, expect, it } from 'vitest'

import { parsePayload } from '../payload.ts'
import { createKeyFileSigner } from './key-file-signer.ts'

const claim = { manifest: digestOf(Buffer.from('image')), identity: 'example.com/app:1' }
const passphrase = 'correct horse battery staple'

let key: PrivateKey
let locked: PrivateKey
beforeAll(async () => {
  const generated = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'object' })
  key = generated.privateKey
  locked = await encryptKey({ privateKey: key, passphrase })
})

/** What the signature says, once it is seen to be good. */
async function signed(bytes: Uint8Array, given?: string): Promise<unknown> {
  const signer = await createKeyFileSigner({
    key: bytes,
    passphrase: given,
    creator: 'test 1',
    now: () => 1_700_000_000_999,
  })
  const signature = await signer.sign(claim)
  if (signature.kind !== 'simple') throw new Error(signature.kind)
  const message = await readMessage({ binaryMessage: signature.bytes })
  const verified = await verify({ message, verificationKeys: key.toPublic(), format: 'binary', expectSigned: true })
  return parsePayload(verified.data as Uint8Array, 'atomic container signature')
}

const payload = { ...claim, creator: 'test 1', timestamp: 1_700_000_000 }

describe('signs with', () => {
  it('a binary key', async () => expect(await signed(key.write())).toEqual(payload))
  it('an armored key', async () => expect(await signed(Buffer.from(key.armor()))).toEqual(payload))
  it('a key and its passphrase', async () => expect(await signed(locked.write(), passphrase)).toEqual(payload))
  it('a key that needs none of it', async () => expect(await signed(key.write(), passphrase)).toEqual(payload))
  it('a subkey', async () => {
    const { privateKey } = await generateKey({
      userIDs: [{ name: 'Bob' }],
      subkeys: [{ sign: true }],
      format: 'object',
    })
    const signer = await createKeyFileSigner({ key: privateKey.write() })
    const signature = await signer.sign(claim)
    if (signature.kind !== 'simple') throw new Error(signature.kind)
    const message = await readMessage({ binaryMessage: signature.bytes })
    expect(message.getSigningKeyIDs()[0]!.equals(privateKey.subkeys[0]!.getKeyID())).toBe(true)
  })
})

describe('refuses', () => {
  it('a wrong passphrase', async () => {
    const wrong = createKeyFileSigner({ key: locked.write(), passphrase: 'wrong' })
    await expect(wrong).rejects.toMatchObject({ code: 'DECRYPTION_FAILED', message: 'Bad passphrase' })
  })

  it('a protected key without its passphrase', async () => {
    const missing = createKeyFileSigner({ key: locked.write() })
    await expect(missing).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
      hint: expect.stringContaining('--sign-passphrase-file'),
    })
  })

  it('what is no secret key', async () => {
    const problem = { code: 'CONFIG_INVALID', message: 'not an OpenPGP secret key' }
    for (const bytes of [key.toPublic().write(), Buffer.from('hello'), new Uint8Array()]) {
      await expect(createKeyFileSigner({ key: bytes })).rejects.toMatchObject(problem)
    }
  })

  it('several keys, of which none is said', async () => {
    const other = await readPrivateKey({ binaryKey: key.write() })
    const both = Buffer.concat([key.write(), other.write()])
    await expect(createKeyFileSigner({ key: both })).rejects.toMatchObject({
      message: '2 OpenPGP secret keys where there should be one',
    })
  })

  it('an expired key', async () => {
    const { privateKey } = await generateKey({
      userIDs: [{ name: 'Old' }],
      date: new Date('2020-01-01'),
      keyExpirationTime: 1,
      format: 'object',
    })
    await expect(createKeyFileSigner({ key: privateKey.write() })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'Unusable secret key',
    })
  })
})
