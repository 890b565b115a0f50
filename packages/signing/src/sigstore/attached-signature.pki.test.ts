import { generateKeyPairSync } from 'node:crypto'

import {
  createCertificateAuthority,
  extension,
  type AuthorityOptions,
  type LeafOptions,
} from '@transload/fake-sigstore'
import { expect, test } from 'vitest'

import { certificateAnnotation, chainAnnotation } from './annotations.ts'
import { identity, manifest, newKey, pemOf, signedBy, type KeyPair } from './attached-signature.test.kit.ts'
import type { AttachedSignature } from './attached-signature.ts'
import { email, pemSource, requirePki, withAnnotation, withoutAnnotation } from './certified-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'

const host = 'build.example.com'
const root = await createCertificateAuthority({ name: 'company' })
const intermediate = await root.createIntermediate({ name: 'builds' })
const requirement = requirePki({ root })

async function certified(
  leaf: Partial<LeafOptions> = {},
  authority = intermediate,
  key: KeyPair = newKey(),
): Promise<AttachedSignature> {
  const certificate = await authority.issue({ publicKey: key.publicKey, emails: [email], hosts: [host], ...leaf })
  const signature = withAnnotation(signedBy(key), certificateAnnotation, certificate)
  return withAnnotation(signature, chainAnnotation, authority.chain.join(''))
}

test('a signature by whom a company certifies now is accepted', async () => {
  const verifier = await createSigstoreVerifier(requirement)
  const signer = `${email}, ${host}`
  expect(await verifier.verify(await certified())).toEqual({ manifest, identity, signer })
})

test.each([
  ['as a host', { subjectHostname: host }],
  ['as both', { subjectEmail: email, subjectHostname: host }],
])('it may be asked for %s', async (_, trust) => {
  const verifier = await createSigstoreVerifier(requirePki({ root }, trust))
  expect(await verifier.verify(await certified())).toMatchObject({ manifest })
})

test('a wildcard fits one label', async () => {
  const signature = await certified({ hosts: ['*.example.com'] })
  const accepting = await createSigstoreVerifier(requirePki({ root }, { subjectHostname: host }))
  expect(await accepting.verify(signature)).toMatchObject({ manifest })
  const refusing = await createSigstoreVerifier(requirePki({ root }, { subjectHostname: `a.${host}` }))
  await expect(refusing.verify(signature)).rejects.toThrow(
    `Unexpected subject hostname: x509: certificate is valid for *.example.com, not a.${host}`,
  )
})

test('intermediates may come with the requirement', async () => {
  const signature = withoutAnnotation(await certified(), chainAnnotation)
  const without = await createSigstoreVerifier(requirement)
  await expect(without.verify(signature)).rejects.toThrow('certificate signed by unknown authority')
  const trust = { ...requirement.trust, intermediates: pemSource(intermediate.certificate) }
  const verifier = await createSigstoreVerifier({ ...requirement, trust })
  expect(await verifier.verify(signature)).toMatchObject({ manifest })
})

test('the last of a chain is not looked at, as a root would be', async () => {
  const chain = await intermediate.createIntermediate()
  const signature = withAnnotation(await certified({}, chain), chainAnnotation, chain.chain.slice(0, 2).join(''))
  const verifier = await createSigstoreVerifier(requirement)
  await expect(verifier.verify(signature)).rejects.toThrow('certificate signed by unknown authority')
})

const day = 86_400_000
const by = async (options: AuthorityOptions): Promise<AttachedSignature> =>
  certified({}, await root.createIntermediate(options))
const tooShort = generateKeyPairSync('rsa', { modulusLength: 1024 })
const usage = 'certificate specifies an incompatible key usage'
const unhandled = 'unhandled critical extension'

test.each<[string, AttachedSignature, unknown]>([
  [
    'of a certificate from yesterday',
    await certified({ notAfter: new Date(Date.now() - day), notBefore: new Date(Date.now() - 2 * day) }),
    expect.stringMatching(/expired or is not yet valid: current time \S+ is after/),
  ],
  ['of a certificate for TLS', await certified({ usages: ['1.3.6.1.5.5.7.3.1'] }), usage],
  ['of a certificate that does not say what for', await certified({ usages: [] }), usage],
  [
    'of a certificate with a short key',
    await certified({}, intermediate, tooShort),
    'RSA key of 1024 bits is too short, at least 2048 are needed',
  ],
  [
    'of a certificate signed with SHA-1',
    await certified({ hash: 'SHA-1' }),
    'cannot verify signature: insecure or unsupported algorithm 1.2.840.10045.4.1',
  ],
  [
    'of a certificate with an extension nobody knows',
    await certified({ extensions: [extension('1.2.3.4', true, Buffer.from('0500', 'hex'))] }),
    `${unhandled} 1.2.3.4`,
  ],
  [
    'of an authority that is none',
    await by({ isAuthority: false }),
    'certificate is not authorized to sign other certificates',
  ],
  ['of an authority for TLS', await by({ usages: ['1.3.6.1.5.5.7.3.1'] }), usage],
  [
    'of an authority that has expired',
    await by({ notAfter: new Date(Date.now() - 1) }),
    expect.stringMatching(/expired or is not yet valid/),
  ],
  [
    'of an authority with names it may speak for',
    await by({ extensions: [extension('2.5.29.30', false, Buffer.from('3000', 'hex'))] }),
    `${unhandled} 2.5.29.30`,
  ],
  [
    'of an authority too deep',
    await certified({}, await (await root.createIntermediate({ pathLength: 0 })).createIntermediate()),
    'too many intermediates for path length constraint',
  ],
  ['of someone who goes by the name of an authority', await byForger(), 'certificate signed by unknown authority'],
])('a signature %s is refused', async (_, signature, message) => {
  const verifier = await createSigstoreVerifier(requirement)
  await expect(verifier.verify(signature)).rejects.toThrow(
    expect.objectContaining({
      code: 'SIGNATURE_INVALID',
      message: typeof message === 'string' ? `veryfing leaf certificate failed: x509: ${message}` : message,
    }),
  )
})

async function byForger(): Promise<AttachedSignature> {
  const forger = await createCertificateAuthority({ name: 'builds' })
  const signature = await certified({}, forger)
  return withAnnotation(signature, chainAnnotation, [forger.certificate, ...intermediate.chain].join(''))
}

test('a signature by someone else is refused before the chain is looked at', async () => {
  const stranger = await createCertificateAuthority()
  const verifier = await createSigstoreVerifier(requirePki({ root }, { subjectEmail: 'mo@example.com' }))
  await expect(verifier.verify(await certified({}, stranger))).rejects.toThrow(
    `Required email "mo@example.com" not found (got ["${email}"])`,
  )
})

test('a log cannot be asked for', async () => {
  const withLog = { ...requirement, rekorKeys: [{ data: pemOf(newKey().publicKey) }] }
  await expect(createSigstoreVerifier(withLog)).rejects.toThrow('PKI specified with a Rekor public key')
})

test('a file of authorities may be a long one, with other things in it', async () => {
  const { publicKey } = newKey()
  const others = await Promise.all(Array.from({ length: 40 }, () => createCertificateAuthority()))
  const pem = [pemOf(publicKey).toString(), ...others.map(({ certificate }) => certificate), root.certificate].join('')
  const trust = { ...requirement.trust, roots: pemSource(pem.replaceAll('\n', ' \r\n')) }
  const verifier = await createSigstoreVerifier({ ...requirement, trust })
  expect(await verifier.verify(await certified())).toMatchObject({ manifest })
})

test('a host that is only the end of one is refused', async () => {
  const verifier = await createSigstoreVerifier(requirePki({ root }, { subjectHostname: '.example.com' }))
  await expect(verifier.verify(await certified())).rejects.toThrow(
    `x509: certificate is valid for ${host}, not .example.com`,
  )
})

test('a chain of more certificates than anybody has is refused', async () => {
  const signature = withAnnotation(await certified(), chainAnnotation, root.certificate.repeat(33))
  const verifier = await createSigstoreVerifier(requirement)
  await expect(verifier.verify(signature)).rejects.toThrow('33 certificates, where at most 32 are expected')
})

test('of authorities of the same name the right one is needed', async () => {
  const lookalikes = await Promise.all(
    Array.from({ length: 30 }, async () => (await root.createIntermediate({ name: 'builds' })).certificate),
  )
  const signature = withAnnotation(await certified(), chainAnnotation, [...lookalikes, root.certificate].join(''))
  const verifier = await createSigstoreVerifier(requirement)
  await expect(verifier.verify(signature)).rejects.toThrow('certificate signed by unknown authority')
})
