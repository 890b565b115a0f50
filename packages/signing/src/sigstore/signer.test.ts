import { createHash, verify } from 'node:crypto'

import { expect, test } from 'vitest'

import { parsePayload } from '../payload.ts'
import { signatureAnnotation } from './annotations.ts'
import { identity, manifest, newKey, requireKeys } from './attached-signature.test.kit.ts'
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
