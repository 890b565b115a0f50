import { generateKeyPairSync } from 'node:crypto'

import { createTransparencyLog } from '@transload/fake-sigstore'
import { expect, test } from 'vitest'

import { identity, manifest, newKey, pemOf, requireKeys } from './attached-signature.test.kit.ts'
import { asBundle, bundleJson, statement, type BundleOptions } from './bundle.test.kit.ts'
import {
  createServices,
  email,
  oidcIssuer,
  pemSource,
  requireFulcio,
  requirePki,
  type Services,
} from './certified-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'

const key = newKey()
const services = await createServices()
// Not the first entry, so that proofs have something in them.
for (const leaf of ['a', 'b', 'c']) services.log.add(leaf)
const logKey = { ...newKey(), publicKey: services.log.publicKey }
const altered = (change: object): BundleOptions => ({ entry: (entry) => ({ ...entry, ...change }) })
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)

test.each([
  ['P-256', key],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
])('a bundle signed with an %s key is accepted, whatever logs there are', async (_, pair) => {
  const verifier = await createSigstoreVerifier(requireKeys([newKey(), pair]))
  const signer = expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string
  for (const log of [undefined, createTransparencyLog()]) {
    const bundle = asBundle(bundleJson(pair, log && { log }))
    expect(await verifier.verify(bundle)).toEqual({ manifest, identity, signer })
  }
})

test.each([
  ['P-384', 'sha384'],
  ['P-521', 'sha512'],
])('with a key on %s it may be of %s, as cosign signs, or SHA-256', async (curve, hash) => {
  const pair = newKey(curve)
  const verifier = await createSigstoreVerifier(requireKeys([pair], [logKey]))
  for (const of of [hash, 'sha256']) {
    const bundle = asBundle(bundleJson(pair, { hash: of, log: services.log }))
    expect(await verifier.verify(bundle)).toMatchObject({ manifest })
  }
})

test('its image may be named as cosign can be told to, or not at all', async () => {
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  const digest = { sha256: manifest.slice('sha256:'.length) }
  const verify = (subject: unknown): Promise<unknown> =>
    verifier.verify(asBundle(bundleJson(key, { statement: { ...statement, subject: [subject] } })))
  expect(await verify({ digest, annotations: { 'docker-reference': identity } })).toMatchObject({ manifest, identity })
  expect(await verify({ digest, annotations: {} })).not.toHaveProperty('identity')
  await expect(verify({ digest, name: 'a', annotations: { 'docker-reference': 'b' } })).rejects.toThrow(
    'the subject has two names, "a" and "b"',
  )
})

test('with log keys it has to be logged: by a promise, a place in the log, or both', async () => {
  const verifier = await createSigstoreVerifier(requireKeys([key], [logKey]))
  const options: readonly BundleOptions[] = [{}, { ...altered({ inclusionPromise: undefined }) }]
  for (const option of options) {
    const bundle = asBundle(bundleJson(key, { log: services.log, ...option }))
    expect(await verifier.verify(bundle)).toMatchObject({ manifest })
  }
  const withoutProof = bundleJson(key, { log: services.log, ...altered({ inclusionProof: undefined }) })
  const old = { ...withoutProof, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }
  expect(await verifier.verify(asBundle(old))).toMatchObject({ manifest })
})

async function certifiedBundle(
  leaf: Partial<Parameters<Services['authority']['issue']>[0]> = {},
  options: BundleOptions = {},
): Promise<ReturnType<typeof bundleJson>> {
  const certificate = await services.root.issue({ publicKey: key.publicKey, emails: [email], oidcIssuer, ...leaf })
  return bundleJson(key, { certificate, log: services.log, ...options })
}

test('one that is certified and logged is accepted, later too', async () => {
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  const late = { notBefore: minutes(-60), notAfter: minutes(-50) }
  const bundles = [await certifiedBundle(), await certifiedBundle(late, { loggedAt: minutes(-55) })]
  for (const bundle of bundles) {
    expect(await verifier.verify(asBundle(bundle))).toEqual({ manifest, identity, signer: `${email} (${oidcIssuer})` })
  }
})

test('one by whom a company certifies is accepted without a log, with intermediates where there is a place for them', async () => {
  const verifier = await createSigstoreVerifier(requirePki(services))
  const certificate = await services.authority.issue({ publicKey: key.publicKey, emails: [email] })
  const bundle = bundleJson(key, { certificate })
  await expect(verifier.verify(asBundle(bundle))).rejects.toThrow('certificate signed by unknown authority')
  const certificates = [certificate, ...services.authority.chain].map((pem) => ({
    rawBytes: pem.replaceAll(/-----[^-]+-----|\s/g, ''),
  }))
  const old = {
    ...bundle,
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    verificationMaterial: { x509CertificateChain: { certificates } },
  }
  expect(await verifier.verify(asBundle(old))).toEqual({ manifest, identity, signer: email })
})

const good = bundleJson(key)
const envelope = good['dsseEnvelope'] as { payload: string; signatures: { sig: string }[] }
const stating = (change: object): unknown => bundleJson(key, { statement: { ...statement, ...change } })
const failed = 'cryptographic signature verification failed: invalid signature when validating ASN.1 encoded signature'

test.each<[string, unknown, unknown]>([
  ['of another key', bundleJson(newKey()), failed],
  [
    'of a changed payload',
    { ...good, dsseEnvelope: { ...envelope, payload: Buffer.from('{}').toString('base64') } },
    failed,
  ],
  [
    'of another type of payload',
    { ...good, dsseEnvelope: { ...envelope, payloadType: 'text/plain' } },
    'the bundle signs text/plain, not a statement',
  ],
  [
    'with two signatures',
    { ...good, dsseEnvelope: { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] } },
    expect.stringMatching(/^not a sigstore bundle: /),
  ],
  [
    'without one',
    { ...good, dsseEnvelope: { ...envelope, signatures: [] } },
    expect.stringMatching(/^not a sigstore bundle: /),
  ],
  [
    'of a cut signature',
    { ...good, dsseEnvelope: { ...envelope, signatures: [{ sig: envelope.signatures[0]!.sig.slice(0, 20) }] } },
    failed.replace('ASN.1', 'IEEE_P1363'),
  ],
  [
    'of a message',
    {
      ...good,
      dsseEnvelope: undefined,
      messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' },
    },
    'the bundle signs a message, not a statement about an image',
  ],
  [
    'of a later version',
    { ...good, mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' },
    'unknown type of bundle "application/vnd.dev.sigstore.bundle.v0.4+json"',
  ],
  [
    'that is an attestation',
    stating({ predicateType: 'https://slsa.dev/provenance/v1' }),
    'the bundle states "https://slsa.dev/provenance/v1", which is not a signature',
  ],
  ['that states something else', stating({ _type: 'x' }), 'Unrecognized statement type "x"'],
  ['that states more', stating({ more: 1 }), 'Unknown key "more"'],
  ['that states less', stating({ predicate: undefined }), 'Key "predicate" missing in a JSON object'],
  ['of nothing', stating({ subject: [] }), 'the signed statement has not exactly one subject'],
  ['of two things', stating({ subject: [{}, {}] }), 'the signed statement has not exactly one subject'],
  [
    'of another digest',
    stating({ subject: [{ digest: { sha1: 'ab' } }] }),
    'the subject has not exactly one digest of a manifest',
  ],
  [
    'of a name that is none',
    stating({ subject: [{ ...(statement['subject'] as object[])[0], name: 1 }] }),
    `the subject's name is 1`,
  ],
  ['of no statement', bundleJson(key, { statement: 'x' }), 'the signed statement is not valid JSON'],
  [
    'with a member twice',
    bundleJson(key, { statement: JSON.stringify(statement).replace('{', '{"_type":1,') }),
    'Duplicate key "_type"',
  ],
  [
    'of 10 MB',
    { ...good, more: 'x'.repeat(10_000_000) },
    expect.stringMatching(/^a bundle of 1\d{7} bytes, where at most 4194304 are allowed$/),
  ],
])('a bundle %s is refused', async (_, json, message) => {
  const verifier = await createSigstoreVerifier(requireKeys([key]))
  await expect(verifier.verify(asBundle(json))).rejects.toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID', message }),
  )
})

const { log } = services
const unproven = 'verification of the log entry failed: '
const otherLog = createTransparencyLog()

test.each<[string, unknown, unknown]>([
  ['not logged', await certifiedBundle({}, { log: undefined }), 'the bundle has no log entry'],
  ['not certified', bundleJson(key, { log }), 'the bundle has no certificate'],
  [
    'of another log',
    await certifiedBundle({}, { log: otherLog }),
    `${unproven}inclusion promise could not be verified`,
  ],
  [
    'of another log that claims to be this one',
    await certifiedBundle(
      {},
      { log: otherLog, ...altered({ logId: { keyId: Buffer.from(log.id, 'hex').toString('base64') } }) },
    ),
    `${unproven}inclusion promise could not be verified`,
  ],
  [
    'with another time in its entry',
    await certifiedBundle({}, altered({ integratedTime: '1' })),
    `${unproven}inclusion promise could not be verified`,
  ],
  [
    'with neither promise nor proof',
    await certifiedBundle({}, altered({ inclusionPromise: undefined, inclusionProof: undefined })),
    expect.stringMatching(/^not a sigstore bundle: /),
  ],
  [
    'that nobody knows when it was made',
    await certifiedBundle({}, altered({ inclusionPromise: undefined })),
    'no log promised when the signature was made',
  ],
  [
    'logged with another key',
    await certifiedBundle({}, { loggedWith: pemOf(key.publicKey).toString() }),
    'publicKey in Rekor SET does not match',
  ],
  [
    'logged before its certificate',
    await certifiedBundle({}, { loggedAt: minutes(-9) }),
    expect.stringMatching(/not yet valid: current time \S+ is before/),
  ],
  [
    'of another person',
    await certifiedBundle({ emails: ['mo@example.com'] }),
    `Required email "${email}" not found (got ["mo@example.com"])`,
  ],
  [
    'of another issuer',
    await certifiedBundle({ oidcIssuer: 'https://other.example' }),
    'Unexpected Fulcio OIDC issuer "https://other.example"',
  ],
])('a keyless bundle %s is refused', async (_, json, message) => {
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  await expect(verifier.verify(asBundle(json))).rejects.toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID', message }),
  )
})

test('a proof that leads elsewhere is refused, whatever else there is', async () => {
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  const bundle = await certifiedBundle(
    {},
    {
      entry: (entry) => {
        const proof = entry['inclusionProof'] as { hashes: string[] }
        return {
          ...entry,
          inclusionProof: { ...proof, hashes: proof.hashes.map(() => Buffer.alloc(32).toString('base64')) },
        }
      },
    },
  )
  await expect(verifier.verify(asBundle(bundle))).rejects.toThrow('does not match inclusion proof')
})

test('with several keys each says why not', async () => {
  const verifier = await createSigstoreVerifier(requireKeys([newKey(), newKey()], [logKey]))
  await expect(verifier.verify(asBundle(bundleJson(key, { log })))).rejects.toThrow(`${failed}, ${failed}`)
})

test('an authority is trusted with what signed for it', async () => {
  const certificate = await services.authority.issue({ publicKey: key.publicKey, emails: [email], oidcIssuer })
  const required = requireFulcio(services)
  const trust = { ...required.trust, ca: pemSource(services.authority.chain.join('')) }
  const verifier = await createSigstoreVerifier({ ...required, trust })
  expect(await verifier.verify(asBundle(bundleJson(key, { certificate, log })))).toMatchObject({ manifest })
})
