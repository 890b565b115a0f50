import { generateKeyPairSync } from 'node:crypto'

import type { SigstoreSignedRequirement } from '@transload/contract'
import { createCertificateAuthority, createTransparencyLog, extension } from '@transload/fake-sigstore'
import { expect, test } from 'vitest'

import { certificateAnnotation, chainAnnotation, logEntryAnnotation, signatureAnnotation } from './annotations.ts'
import { identity, manifest, newKey, payload, pemOf, requireKeys, signedBy } from './attached-signature.test.kit.ts'
import type { AttachedSignature } from './attached-signature.ts'
import {
  certifiedSignature,
  createServices,
  email,
  logPromise,
  oidcIssuer,
  pemSource,
  requireFulcio,
  withAnnotation,
  withoutAnnotation,
} from './certified-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'

const services = await createServices()
const good = await certifiedSignature(services)
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)

test('a signature that is certified and logged is accepted', async () => {
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  expect(await verifier.verify(good)).toEqual({ manifest, identity, signer: `${email} (${oidcIssuer})` })
})

test('one by a certificate that has expired since is, too', async () => {
  const leaf = { notBefore: minutes(-60), notAfter: minutes(-50) }
  const signature = await certifiedSignature(services, { leaf, loggedAt: minutes(-55) })
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  expect(await verifier.verify(signature)).toMatchObject({ manifest })
})

test('a workflow, or a person, is accepted by any of its names where a name of any kind is asked for', async () => {
  const workflow = 'https://ci.example/build@refs/heads/main'
  const signature = await certifiedSignature(services, { leaf: { emails: [email], uris: [workflow] } })
  for (const subject of [workflow, email]) {
    const verifier = await createSigstoreVerifier(requireFulcio(services, { subject }))
    expect(await verifier.verify(signature)).toMatchObject({ signer: `${email}, ${workflow} (${oidcIssuer})` })
  }
  const verifier = await createSigstoreVerifier(requireFulcio(services, { subject: 'https://ci.example/build' }))
  await expect(verifier.verify(signature)).rejects.toThrow(
    `Required identity "https://ci.example/build" not found (got ["${email}" "${workflow}"])`,
  )
})

test('the issuer may be named the old way, or the new', async () => {
  const text = Buffer.from(oidcIssuer)
  const oldWay = extension('1.3.6.1.4.1.57264.1.1', false, text)
  const newWay = extension('1.3.6.1.4.1.57264.1.8', false, Buffer.concat([Uint8Array.of(0x0c, text.length), text]))
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  for (const named of [oldWay, newWay]) {
    const leaf = { emails: [email], extensions: [named] }
    const signature = await certifiedSignature(services, { leaf: { ...leaf, oidcIssuer: undefined } })
    expect(await verifier.verify(signature)).toMatchObject({ manifest })
  }
})

const other = await createServices()
const promise = (signature: AttachedSignature): { SignedEntryTimestamp: string; Payload: Record<string, unknown> } =>
  JSON.parse(signature.annotations[logEntryAnnotation]!) as ReturnType<typeof promise>
const withPayload = (change: Record<string, unknown>): AttachedSignature => {
  const { SignedEntryTimestamp, Payload } = promise(good)
  return withAnnotation(
    good,
    logEntryAnnotation,
    JSON.stringify({ SignedEntryTimestamp, Payload: { ...Payload, ...change } }),
  )
}
const leaf = 'veryfing leaf certificate failed: x509: '
const forged = 'cryptographic signature verification of Rekor SET failed'
const issued = (options: Parameters<typeof certifiedSignature>[1]): Promise<AttachedSignature> =>
  certifiedSignature(services, options)

test.each<[string, AttachedSignature | Promise<AttachedSignature>, unknown]>([
  ['without its signature', withoutAnnotation(good, signatureAnnotation), `missing ${signatureAnnotation} annotation`],
  ['without a log entry', withoutAnnotation(good, logEntryAnnotation), `missing ${logEntryAnnotation} annotation`],
  [
    'without a certificate',
    withoutAnnotation(good, certificateAnnotation),
    `missing ${certificateAnnotation} annotation`,
  ],
  [
    'without its intermediates',
    withoutAnnotation(good, chainAnnotation),
    `${leaf}certificate signed by unknown authority`,
  ],
  ['with two certificates', issuedTwice(), 'unexpected multiple certificates present in signature certificate data'],
  [
    'with an empty certificate',
    withAnnotation(good, certificateAnnotation, ''),
    'no certificate found in signature certificate data',
  ],
  [
    'with a changed payload',
    { ...good, payload: Buffer.from(payload.toString().replace('app:1', 'app:2')) },
    'payload in Rekor SET does not match',
  ],
  [
    'with an entry of another signature',
    issued({ logged: signedBy(newKey()) }),
    'signature in Rekor SET does not match',
  ],
  [
    'with an entry of another payload',
    issued({ logged: { ...good, payload: Buffer.from('x') } }),
    'signature in Rekor SET does not match',
  ],
  ['of another log', issued({ log: createTransparencyLog() }), forged],
  ['with another time in its entry', withPayload({ integratedTime: 1 }), forged],
  ['with another body in its entry', withPayload({ body: promise(await issued({})).Payload['body'] }), forged],
  ['with an entry of more members', withPayload({ extra: 1 }), 'Unknown key "extra"'],
  ['with an entry of fewer members', withPayload({ logID: undefined }), 'Key "logID" missing in a JSON object'],
  ['with an entry of other types', withPayload({ logIndex: '1' }), 'the Rekor SET is not of the form it has to have'],
  ['with an entry that is no JSON', withAnnotation(good, logEntryAnnotation, '{'), 'the Rekor SET is not valid JSON'],
  [
    'logged before its certificate',
    issued({ loggedAt: minutes(-5) }),
    expect.stringMatching(
      /^veryfing leaf certificate failed: x509: certificate has expired or is not yet valid: current time \S+ is before \S+$/,
    ),
  ],
  [
    'logged after its certificate',
    issued({ loggedAt: minutes(20) }),
    expect.stringMatching(/certificate has expired or is not yet valid: current time \S+ is after \S+$/),
  ],
  [
    'of another person',
    issued({ leaf: { emails: ['mo@example.com'] } }),
    `Required email "${email}" not found (got ["mo@example.com"])`,
  ],
  ['of nobody', issued({ leaf: { emails: [] } }), `Required email "${email}" not found (got [])`],
  [
    'of another issuer',
    issued({ leaf: { oidcIssuer: 'https://other.example' } }),
    'Unexpected Fulcio OIDC issuer "https://other.example"',
  ],
  ['of no issuer', issued({ leaf: { oidcIssuer: undefined } }), 'Fulcio certificate is missing the issuer extension'],
  [
    'of two issuers',
    issued({
      leaf: {
        oidcIssuer: undefined,
        extensions: [
          extension('1.3.6.1.4.1.57264.1.1', false, Buffer.from(oidcIssuer)),
          extension('1.3.6.1.4.1.57264.1.8', false, Buffer.from('\x0c\x01x')),
        ],
      },
    }),
    `inconsistent OIDC issuer extension values: v1 "${oidcIssuer}", v2 "x"`,
  ],
  [
    'of an issuer that is no text',
    issued({
      leaf: { oidcIssuer: undefined, extensions: [extension('1.3.6.1.4.1.57264.1.8', false, Buffer.from('x'))] },
    }),
    'invalid ASN.1 in OIDC issuer v2 extension',
  ],
  ['of another authority', issued({ authority: other.authority }), `${leaf}certificate signed by unknown authority`],
  [
    'of an authority of the same name',
    issued({ authority: await (await createCertificateAuthority({ name: 'root' })).createIntermediate() }),
    `${leaf}certificate signed by unknown authority`,
  ],
])('a signature %s is refused', async (_, signature, message) => {
  const verifier = await createSigstoreVerifier(requireFulcio(services))
  await expect(verifier.verify(await signature)).rejects.toThrow(
    expect.objectContaining({
      code: 'SIGNATURE_INVALID',
      message,
    }),
  )
})

function issuedTwice(): AttachedSignature {
  const certificate = good.annotations[certificateAnnotation]!
  return withAnnotation(good, certificateAnnotation, certificate + certificate)
}

test('with a key, and logs, the log has to know the key', async () => {
  const [key, second] = [newKey(), newKey()]
  const log = { publicKey: services.log.publicKey, privateKey: key.privateKey }
  const verifier = await createSigstoreVerifier(requireKeys([second, key], [log]))
  const signature = signedBy(key)
  const logged = logPromise(services.log, signature, pemOf(key.publicKey).toString())
  expect(await verifier.verify(withAnnotation(signature, logEntryAnnotation, logged))).toMatchObject({ manifest })
  await expect(verifier.verify(signature)).rejects.toThrow(`missing ${logEntryAnnotation} annotation`)
  const unknown = logPromise(services.log, signature, pemOf(newKey().publicKey).toString())
  await expect(verifier.verify(withAnnotation(signature, logEntryAnnotation, unknown))).rejects.toThrow(
    'No public key verified against the RekorSET: publicKey in Rekor SET does not match, publicKey in Rekor SET does not match',
  )
})

function withAuthority(pem: string): SigstoreSignedRequirement {
  return { ...required, trust: { ...required.trust, ca: pemSource(pem) } as SigstoreSignedRequirement['trust'] }
}

const required = requireFulcio(services)
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
test.each<[string, SigstoreSignedRequirement, string]>([
  ['Fulcio without a log', { ...required, rekorKeys: [] }, 'Fulcio CA specified without a Rekor public key'],
  [
    'a log key that is not ECDSA',
    { ...required, rekorKeys: [{ data: pemOf(rsa.publicKey) }] },
    'Rekor public key 1 is not using ECDSA',
  ],
  ['no certificate', withAuthority(''), 'error loading Fulcio CA certificates'],
  [
    'what is no certificate',
    withAuthority(pemOf(newKey().publicKey).toString()),
    'error loading Fulcio CA certificates',
  ],
])('%s cannot be asked for', async (_, requirement, message) => {
  await expect(createSigstoreVerifier(requirement)).rejects.toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message }),
  )
})
