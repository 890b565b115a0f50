import { createHash, generateKeyPairSync, verify } from 'node:crypto'

import { startFakeSigstore } from '@transload/fake-sigstore'
import { expect, test } from 'vitest'

import { parsePayload } from '../payload.ts'
import { signatureAnnotation } from './annotations.ts'
import { identity, manifest, newKey, pemOf, requireKeys } from './attached-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'
import { createSigstoreSigner } from './signer.ts'
import { generateSigningKey } from './signing-key.ts'

const claim = { manifest, identity }

test('an attachment by a key', async () => {
  const key = await generateSigningKey()
  await using signer = createSigstoreSigner({ key, creator: 'transload 1.2.3' })
  expect(signer).toMatchObject({ method: 'a sigstore signature', makes: 'sigstore' })
  const before = Math.floor(Date.now() / 1000)
  const signature = await signer.sign(claim)
  if (signature.kind !== 'sigstore') throw new Error('not an attachment')
  expect(Object.keys(signature.annotations)).toEqual([signatureAnnotation])
  const payload = parsePayload(signature.payload, 'cosign container image signature')
  expect(payload).toMatchObject({ ...claim, creator: 'transload 1.2.3' })
  expect(payload.timestamp).toBeGreaterThanOrEqual(before)
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  expect(await verifier.verify(signature)).toMatchObject(claim)
  const stranger = await createSigstoreVerifier(requireKeys([newKey()]))
  await expect(stranger.verify(signature)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
})

test('a bundle by a key', async () => {
  const key = await generateSigningKey()
  await using signer = createSigstoreSigner({ key, form: 'bundle' })
  expect(signer.makes).toBe('bundle')
  const signature = await signer.sign(claim)
  if (signature.kind !== 'bundle') throw new Error('not a bundle')
  expect(signature.annotations).toMatchObject({ 'dev.sigstore.bundle.content': 'dsse-envelope' })
  const bundle = JSON.parse(Buffer.from(signature.bytes).toString()) as {
    mediaType: string
    verificationMaterial: unknown
    dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] }
  }
  expect(bundle.mediaType).toBe(signature.mediaType)
  const hint = createHash('sha256')
    .update(key.publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64')
  expect(bundle.verificationMaterial).toEqual({ publicKey: { hint } })
  const { payload, payloadType, signatures } = bundle.dsseEnvelope
  const statement = Buffer.from(payload, 'base64')
  expect(JSON.parse(statement.toString())).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: identity, digest: { sha256: manifest.slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  })
  const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement.toString()}`
  expect(verify('sha256', Buffer.from(signed), key.publicKey, Buffer.from(signatures[0]!.sig, 'base64'))).toBe(true)
})

test('the same bundle again, which the log has already', async () => {
  await using sigstore = await startFakeSigstore()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await using signer = createSigstoreSigner({
    key: { privateKey, publicKey },
    form: 'bundle',
    rekor: { url: sigstore.rekorUrl },
  })
  const indexes: unknown[] = []
  const rekorKeys = [{ data: pemOf(sigstore.log.publicKey) }]
  const verifier = await createSigstoreVerifier({ ...requireKeys([{ privateKey, publicKey }]), rekorKeys })
  for (const _ of ['new', 'known']) {
    const signature = await signer.sign(claim)
    if (signature.kind !== 'bundle') throw new Error('not a bundle')
    const { verificationMaterial } = JSON.parse(Buffer.from(signature.bytes).toString()) as {
      verificationMaterial: { tlogEntries: { logIndex: string }[] }
    }
    indexes.push(...verificationMaterial.tlogEntries.map(({ logIndex }) => logIndex))
    expect(await verifier.verify(signature)).toMatchObject(claim)
  }
  expect(indexes).toEqual(['0', '0'])
})
