import { generateKeyPairSync, sign } from 'node:crypto'

import { expect, test } from 'vitest'

import { signatureAnnotation } from './annotations.ts'
import { identity, manifest, newKey, payload, requireKeys, signedBy } from './attached-signature.test.kit.ts'
import type { AttachedSignature } from './attached-signature.ts'
import { createSigstoreVerifier } from './create-verifier.ts'

const key = newKey()
const good = signedBy(key)

test.each([
  ['P-256', newKey()],
  ['P-384', newKey('P-384')],
  ['P-521', newKey('P-521')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['Ed25519', generateKeyPairSync('ed25519')],
])('a signature with an %s key is accepted', async (_, pair) => {
  const verifier = await createSigstoreVerifier(requireKeys([key, pair]))
  expect(await verifier.verify(signedBy(pair))).toEqual({
    manifest,
    identity,
    signer: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
  })
})

test('ECDSA may be in the form of IEEE P1363', async () => {
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  const signature = sign('sha256', payload, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  expect(await verifier.verify(withAnnotation(signature.toString('base64')))).toMatchObject({ manifest })
})

const withAnnotation = (value: string): AttachedSignature => ({
  ...good,
  annotations: { [signatureAnnotation]: value },
})
const text = good.annotations[signatureAnnotation]!
const ofJson = (json: string): AttachedSignature => signedBy(key, Buffer.from(json))
const failed = 'cryptographic signature verification failed: invalid signature when validating ASN.1 encoded signature'

test.each<[string, AttachedSignature, string]>([
  ['of another key', signedBy(newKey()), failed],
  ['of a changed payload', { ...good, payload: Buffer.from(payload.toString().replace('app:1', 'app:2')) }, failed],
  ['of a hash that is too weak', withAnnotation(sign('sha1', payload, key.privateKey).toString('base64')), failed],
  ['of another hash', withAnnotation(sign('sha512', payload, key.privateKey).toString('base64')), failed],
  ['cut', withAnnotation(text.slice(0, 40)), failed.replace('ASN.1', 'IEEE_P1363')],
  ['empty', withAnnotation(''), failed.replace('ASN.1', 'IEEE_P1363')],
  ['no base64', withAnnotation(`${text.slice(0, -4)}*===`), 'base64 decoding: illegal base64 data'],
  ['absent', { ...good, annotations: {} }, `missing ${signatureAnnotation} annotation`],
  [
    'of another type',
    { ...good, mediaType: 'application/vnd.dsse.envelope.v1+json' },
    'application/vnd.dsse.envelope.v1+json is not the type of a sigstore signature',
  ],
  [
    'of 10 MB',
    { ...good, payload: Buffer.alloc(10_000_000) },
    `a signature of ${10_000_000 + text.length} bytes, where at most 4194304 are allowed`,
  ],
  ['of no payload', ofJson(''), 'the signed payload is not valid JSON'],
  [
    'of an unknown critical field',
    ofJson(payload.toString().replace('"identity":', '"expires":1,"identity":')),
    'Unknown key "expires"',
  ],
  [
    'of a payload of OpenPGP',
    ofJson(payload.toString().replace('cosign container image', 'atomic container')),
    'Unrecognized signature type "atomic container signature"',
  ],
])('a signature %s is refused', async (_, signature, message) => {
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  await expect(verifier.verify(signature)).rejects.toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID', message }),
  )
})

test('signatures of other kinds are refused', async () => {
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  await expect(verifier.verify({ kind: 'simple', bytes: payload })).rejects.toThrow('not a sigstore signature')
})
