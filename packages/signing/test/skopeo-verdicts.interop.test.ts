import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { KeySource, Signature, SigstoreSignedRequirement } from '@transload/contract'
import { createCertificateAuthority, createTransparencyLog } from '@transload/fake-sigstore'
import { encodeSignatureFile } from '@transload/formats'
import { peer, requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createSigstoreVerifier } from '../src/sigstore.ts'
import {
  certificateAnnotation,
  chainAnnotation,
  logEntryAnnotation,
  signatureAnnotation,
} from '../src/sigstore/annotations.ts'
import {
  manifestJson,
  newKey,
  payload,
  pemOf,
  requireKeys,
  signedBy,
} from '../src/sigstore/attached-signature.test.kit.ts'
import type { AttachedSignature } from '../src/sigstore/attached-signature.ts'
import {
  certifiedSignature,
  createServices,
  email,
  logPromise,
  requireFulcio,
  requirePki,
  withAnnotation,
  withoutAnnotation,
} from '../src/sigstore/certified-signature.test.kit.ts'

const missing = requirePeers('skopeo')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signing-'))
  await mkdir(join(folder, 'image'))
  const config = JSON.parse(manifestJson) as { config: { digest: string } }
  await writeFile(join(folder, 'image', config.config.digest.replace('sha256:', '')), '{}')
  await writeFile(join(folder, 'image', 'manifest.json'), manifestJson)
  await writeFile(join(folder, 'image', 'version'), 'Directory Transport Version: 1.1\n')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Case = readonly [name: string, signature: AttachedSignature, requirement: SigstoreSignedRequirement]

const key = newKey()
const good = signedBy(key)
const other = newKey('P-384')
const byKey = requireKeys([key])
const services = await createServices()
const fulcio = requireFulcio(services)
const pki = requirePki(services)
const certified = await certifiedSignature(services)
const hoursAgo = (count: number): Date => new Date(Date.now() - count * 3_600_000)
const yesterday = { notBefore: hoursAgo(20), notAfter: hoursAgo(10) }
const logKey = { ...key, publicKey: services.log.publicKey }
const withLog = requireKeys([newKey(), key], [logKey])
const logged = (verifier: string): AttachedSignature =>
  withAnnotation(good, logEntryAnnotation, logPromise(services.log, good, verifier))
const changed = Buffer.from(payload.toString().replace('app:1', 'app:2'))
const promise = JSON.parse(certified.annotations[logEntryAnnotation]!) as Record<string, unknown>

const accepted: readonly Case[] = [
  ['by a P-256 key', good, byKey],
  ['by a P-384 key', signedBy(other), requireKeys([other])],
  ['by the second key', good, requireKeys([newKey(), key])],
  ['by a key that is logged', logged(pemOf(key.publicKey).toString()), withLog],
  ['that is certified and logged', certified, fulcio],
  ['that is, and old', await certifiedSignature(services, { leaf: yesterday, loggedAt: hoursAgo(15) }), fulcio],
  ['by whom a company certifies', certified, pki],
]

const refused: readonly Case[] = [
  ['by another key', signedBy(newKey()), byKey],
  ['by none of two keys', signedBy(newKey()), requireKeys([newKey(), newKey()])],
  ['of a changed payload', { ...good, payload: changed }, byKey],
  [
    'with SHA-1',
    withAnnotation(good, signatureAnnotation, sign('sha1', payload, key.privateKey).toString('base64')),
    byKey,
  ],
  [
    'that is cut',
    withAnnotation(good, signatureAnnotation, good.annotations[signatureAnnotation]!.slice(0, 40)),
    byKey,
  ],
  ['that is missing', withoutAnnotation(good, signatureAnnotation), byKey],
  [
    'of an unknown critical field',
    signedBy(key, Buffer.from(payload.toString().replace('"identity":', '"expires":1,"identity":'))),
    byKey,
  ],
  ['by a key that is not logged', good, withLog],
  ['by a key that is logged with another', logged(pemOf(newKey().publicKey).toString()), withLog],
  ['without a log entry', withoutAnnotation(certified, logEntryAnnotation), fulcio],
  ['without a certificate', withoutAnnotation(certified, certificateAnnotation), fulcio],
  ['without its intermediates', withoutAnnotation(certified, chainAnnotation), fulcio],
  [
    'with two certificates',
    withAnnotation(certified, certificateAnnotation, certified.annotations[certificateAnnotation]!.repeat(2)),
    fulcio,
  ],
  ['with a changed payload, logged', { ...certified, payload: changed }, fulcio],
  [
    'with an entry of more members',
    withAnnotation(certified, logEntryAnnotation, JSON.stringify({ ...promise, more: 1 })),
    fulcio,
  ],
  ['of another log', await certifiedSignature(services, { log: createTransparencyLog() }), fulcio],
  ['of another person', await certifiedSignature(services, { leaf: { emails: ['mo@example.com'] } }), fulcio],
  ['of another issuer', await certifiedSignature(services, { leaf: { oidcIssuer: 'https://other.example' } }), fulcio],
  ['of no issuer', await certifiedSignature(services, { leaf: { oidcIssuer: undefined } }), fulcio],
  [
    'of another authority',
    await certifiedSignature(services, { authority: await createCertificateAuthority() }),
    fulcio,
  ],
  ['logged when its certificate had expired', await certifiedSignature(services, { leaf: yesterday }), fulcio],
  [
    'of an authority that is none',
    await certifiedSignature(services, {
      authority: await services.root.createIntermediate({ name: 'nobody', isAuthority: false }),
    }),
    fulcio,
  ],
  ['for TLS', await certifiedSignature(services, { leaf: { usages: ['1.3.6.1.5.5.7.3.1'] } }), fulcio],
  [
    'by another person of the company',
    await certifiedSignature(services, { leaf: { emails: ['mo@example.com'] } }),
    pki,
  ],
  ['of a certificate signed with SHA-1', await certifiedSignature(services, { leaf: { hash: 'SHA-1' } }), pki],
  ['of 10 MB', { ...good, payload: Buffer.alloc(10_000_000, 0x20) }, byKey],
  ['by whom a company certified once', await certifiedSignature(services, { leaf: yesterday }), pki],
  ['by a host where a person is asked for', certified, requirePki(services, { subjectHostname: 'a.example.com' })],
]

/** What skopeo accepts. */
const refusedByOursAlone: readonly Case[] = [
  ['of a certificate that does not say what for', await certifiedSignature(services, { leaf: { usages: [] } }), pki],
  ['by an RSA key that is too short', await byShortKey(), pki],
]

async function byShortKey(): Promise<AttachedSignature> {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const certificate = await services.root.issue({ publicKey: short.publicKey, emails: [email] })
  return withAnnotation(signedBy(short), certificateAnnotation, certificate)
}

/** Where ours have more to say, or put it in other words. */
const differently: Readonly<Record<string, string>> = {
  'of 10 MB': 'cryptographic signature verification failed: invalid signature when validating ASN.1 encoded signature',
  'of a certificate signed with SHA-1':
    'veryfing leaf certificate failed: x509: certificate signed by unknown authority (possibly because of "x509: cannot ' +
    'verify signature: insecure algorithm ECDSA-SHA1" while trying to verify candidate authority certificate "intermediate")',
  'with two certificates': 'public key or cert to be matched against publicKey in Rekor SET has trailing data',
  'of an authority that is none':
    'veryfing leaf certificate failed: x509: certificate signed by unknown authority (possibly because of "x509: invalid ' +
    'signature: parent certificate cannot sign this kind of certificate" while trying to verify candidate authority ' +
    'certificate "nobody")',
}

describe.skipIf(missing)(`verdicts of skopeo ${missing ?? ''}`, () => {
  test.each(accepted)('a signature %s is accepted by both', async (_, signature, requirement) => {
    expect(await ours(signature, requirement)).toBeUndefined()
    expect(await skopeos(signature, requirement)).toBeUndefined()
  })

  test.each(refused)(
    'a signature %s is refused by both, with the same reason',
    async (name, signature, requirement) => {
      const reason = await ours(signature, requirement)
      expect(await skopeos(signature, requirement)).toBe(differently[name] ?? reason)
      expect(reason).toBeDefined()
    },
  )
})

describe.skipIf(missing)(`what is stricter than skopeo ${missing ?? ''}`, () => {
  test.each(refusedByOursAlone)('a signature %s is refused', async (_, signature, requirement) => {
    expect(await ours(signature, requirement)).toMatch(/^veryfing leaf certificate failed: x509: /)
    expect(await skopeos(signature, requirement)).toBeUndefined()
  })
})

/** Why it is refused. */
async function ours(signature: Signature, requirement: SigstoreSignedRequirement): Promise<string | undefined> {
  const verifier = await createSigstoreVerifier(requirement)
  return verifier.verify(signature).then(
    () => undefined,
    (error: Error) => withoutTime(error.message),
  )
}

async function skopeos(
  signature: AttachedSignature,
  requirement: SigstoreSignedRequirement,
): Promise<string | undefined> {
  const policy = join(folder, 'policy.json')
  await writeFile(policy, JSON.stringify({ default: [policyJson(requirement)] }))
  await writeFile(join(folder, 'image', 'signature-1'), encodeSignatureFile(signature))
  const words = ['--policy', policy, 'copy', '--quiet', `dir:${join(folder, 'image')}`, `dir:${join(folder, 'copy')}`]
  const { code, stderr } = await peer('skopeo').run(words)
  await rm(join(folder, 'copy'), { recursive: true, force: true })
  if (code === 0) return undefined
  const reason = /Source image rejected: (.*)"\n/.exec(stderr)?.[1]
  if (reason === undefined) throw new Error(stderr)
  return withoutTime(JSON.parse(`"${reason}"`) as string)
}

function withoutTime(reason: string): string {
  return reason.replace(/current time \S+/, 'current time NOW')
}

function policyJson({ trust, rekorKeys }: SigstoreSignedRequirement): unknown {
  return {
    type: 'sigstoreSigned',
    signedIdentity: { type: 'exactRepository', dockerRepository: 'example.com/app' },
    ...trustJson(trust),
    ...(rekorKeys.length === 0 ? {} : { rekorPublicKeyDatas: rekorKeys.map(base64) }),
  }
}

function trustJson(trust: SigstoreSignedRequirement['trust']): object {
  switch (trust.kind) {
    case 'keys':
      return { keyDatas: trust.keys.map(base64) }
    case 'fulcio': {
      const { oidcIssuer, subjectEmail } = trust
      return { fulcio: { caData: base64(trust.ca), oidcIssuer, subjectEmail } }
    }
    default: {
      const { subjectEmail, subjectHostname } = trust
      return { pki: { caRootsData: base64(trust.roots), subjectEmail, subjectHostname } }
    }
  }
}

function base64(source: KeySource): string {
  return 'data' in source ? Buffer.from(source.data).toString('base64') : ''
}
