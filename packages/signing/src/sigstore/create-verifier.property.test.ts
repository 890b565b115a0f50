import { X509Certificate } from 'node:crypto'

import type { Signature, Verifier } from '@transload/contract'
import { bytesLike, fc, jsonLike, laterOutcome, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { certificateAnnotation, chainAnnotation, logEntryAnnotation, signatureAnnotation } from './annotations.ts'
import { identity, manifest, newKey, payload, pemOf, requireKeys, signedBy } from './attached-signature.test.kit.ts'
import { bundleJson } from './bundle.test.kit.ts'
import { parseCertificates } from './certificate.ts'
import {
  certifiedSignature,
  createServices,
  email,
  oidcIssuer,
  requireFulcio,
  requirePki,
  withAnnotation,
} from './certified-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'
import { verifyLogPromise } from './log-promise.ts'
import { parsePublicKey } from './public-key.ts'
import { parseStatement } from './statement.ts'

const services = await createServices()
const key = newKey()
const attached = signedBy(key)
const certified = await certifiedSignature(services)
const byKey = await createSigstoreVerifier(requireKeys([key]))
const byFulcio = await createSigstoreVerifier(requireFulcio(services))
const byPki = await createSigstoreVerifier(requirePki(services))

/** Refused with the code, or accepted for what was signed: nothing else can come of what is not trusted. */
async function isRefusedOrTrue(verifier: Verifier, signature: Signature): Promise<boolean> {
  const verified = await laterOutcome(() => verifier.verify(signature))
  if ('code' in verified) return verified.code === 'SIGNATURE_INVALID'
  return verified.value.manifest === manifest && verified.value.identity === identity
}

test.each([signatureAnnotation, certificateAnnotation, chainAnnotation, logEntryAnnotation])(
  'whatever the annotation %s has, a signature is refused or true',
  async (name) => {
    await fc.assert(
      fc.asyncProperty(textLike([certified.annotations[name]!]), async (value) => {
        const signature = withAnnotation(certified, name, value)
        expect(await isRefusedOrTrue(byFulcio, signature)).toBe(true)
        expect(await isRefusedOrTrue(byPki, signature)).toBe(true)
      }),
    )
  },
)

test('whatever the payload is', async () => {
  await fc.assert(
    fc.asyncProperty(bytesLike([payload]), async (content) => {
      expect(await isRefusedOrTrue(byKey, { ...attached, payload: content })).toBe(true)
      // What is signed is not to be trusted to be well-formed either.
      const signed = await laterOutcome(() => byKey.verify(signedBy(key, content)))
      expect('code' in signed ? signed.code : 'SIGNATURE_INVALID').toBe('SIGNATURE_INVALID')
    }),
  )
})

test('whatever a log is said to have promised', () => {
  const signature = Buffer.from(certified.annotations[signatureAnnotation]!, 'base64')
  const { raw } = new X509Certificate(certified.annotations[certificateAnnotation]!)
  const samples = [JSON.parse(certified.annotations[logEntryAnnotation]!) as unknown]
  fc.assert(
    fc.property(jsonLike(samples), (promise) => {
      const logged = { keyOrCertificate: raw, signature, payload }
      const verified = outcome(() => verifyLogPromise(promise, [services.log.publicKey], logged))
      expect('code' in verified ? verified.code : 'SIGNATURE_INVALID').toBe('SIGNATURE_INVALID')
    }),
  )
})

test('whatever a bundle is', async () => {
  const { log, root } = services
  const certificate = await root.issue({ publicKey: key.publicKey, emails: [email], oidcIssuer })
  const samples = [bundleJson(key), bundleJson(key, { log }), bundleJson(key, { certificate, log })]
  const logged = await createSigstoreVerifier(
    requireKeys([key], [{ publicKey: log.publicKey, privateKey: key.privateKey }]),
  )
  await fc.assert(
    fc.asyncProperty(jsonLike(samples), async (json) => {
      const bundle: Signature = { kind: 'bundle', mediaType: 'application/json', bytes: Buffer.from(json) }
      for (const verifier of [byKey, logged, byFulcio]) expect(await isRefusedOrTrue(verifier, bundle)).toBe(true)
    }),
  )
})

test('whatever a statement states, it is refused or is about an image', () => {
  const subject = [{ name: 'a', digest: { sha256: '12'.repeat(32) }, annotations: { 'docker-reference': 'a' } }]
  const predicateType = 'https://sigstore.dev/cosign/sign/v1'
  const samples = [{ _type: 'https://in-toto.io/Statement/v1', predicateType, subject, predicate: {} }]
  fc.assert(
    fc.property(jsonLike(samples), (json) => {
      const parsed = outcome(() => parseStatement(Buffer.from(json)))
      const isImage = 'value' in parsed && /^sha256:[0-9a-f]{64}$/.test(parsed.value.manifest)
      expect(isImage || parsed).toEqual(isImage || { code: 'SIGNATURE_INVALID' })
    }),
  )
})

test('whatever a certificate is made of, it is refused or read', () => {
  const samples = [certified.annotations[certificateAnnotation]!, services.root.certificate]
  const ders = samples.map((pem) => new X509Certificate(pem).raw)
  fc.assert(
    fc.property(bytesLike(ders), (der) => {
      const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
      const parsed = outcome(() => parseCertificates(pem))
      expect('code' in parsed ? parsed.code : 'SIGNATURE_INVALID').toBe('SIGNATURE_INVALID')
    }),
  )
})

test('whatever a public key is made of', () => {
  fc.assert(
    fc.property(textLike([pemOf(key.publicKey).toString()]), (pem) => {
      const parsed = outcome(() => parsePublicKey(Buffer.from(pem), 'key'))
      expect('code' in parsed ? parsed.code : 'CONFIG_INVALID').toBe('CONFIG_INVALID')
    }),
  )
})
