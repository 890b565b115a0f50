import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { SigstoreSignedRequirement } from '@transload/contract'
import { createTransparencyLog, startFakeSigstore, type FakeSigstore, type LeafOptions } from '@transload/fake-sigstore'
import { peer, requirePeers, startDockerRegistry, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createSigstoreVerifier } from '../src/sigstore.ts'
import { manifest, manifestJson, newKey, pemOf, requireKeys } from '../src/sigstore/attached-signature.test.kit.ts'
import { asBundle, bundleJson, statement, type BundleOptions } from '../src/sigstore/bundle.test.kit.ts'

const missing = requirePeers('cosign', 'oras', 'skopeo', 'registry')
const email = 'jo@example.com'
const key = newKey()
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)

let folder: string
let sigstore: FakeSigstore
let registry: DockerRegistry
let images = 0

const path = (name: string): string => join(folder, name)

beforeAll(async () => {
  if (missing) return
  folder = await mkdtemp(join(tmpdir(), 'signing-'))
  sigstore = await startFakeSigstore({ subject: 'jo', email })
  registry = await startDockerRegistry()
  await mkdir(path('image'))
  const { config } = JSON.parse(manifestJson) as { config: { digest: string } }
  await writeFile(path(`image/${config.digest.replace('sha256:', '')}`), '{}')
  await writeFile(path('image/manifest.json'), manifestJson)
  await writeFile(path('image/version'), 'Directory Transport Version: 1.1\n')
  await writeFile(path('trusted-root.json'), JSON.stringify(sigstore.trustedRoot()))
  await writeFile(path('key.pub'), pemOf(key.publicKey))
})

afterAll(async () => {
  if (missing) return
  await registry[Symbol.asyncDispose]()
  await sigstore[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

type Case = readonly [name: string, isAccepted: boolean, bundle: () => Promise<unknown>]

const byKey = async (options: BundleOptions = {}): Promise<unknown> => bundleJson(key, options)
const logged = (options: BundleOptions = {}): Promise<unknown> => byKey({ log: sigstore.log, ...options })
const certified = async (leaf: Partial<LeafOptions> = {}, options: BundleOptions = {}): Promise<unknown> => {
  const names = { emails: [email], oidcIssuer: sigstore.oidcUrl, ...leaf }
  const certificate = await sigstore.authority.issue({ publicKey: key.publicKey, ...names })
  return bundleJson(key, { certificate, log: sigstore.log, ...options })
}
const changedEntry = (change: object): BundleOptions => ({ entry: (entry) => ({ ...entry, ...change }) })
const otherSubject = [{ digest: { sha256: '34'.repeat(32) } }]
const oldCertificate = { notBefore: minutes(-60), notAfter: minutes(-50) }

const byKeyCases: readonly Case[] = [
  ['by the key, with a name', true, byKey],
  ['by another key', false, async () => bundleJson(newKey())],
  ['of another image', false, () => byKey({ statement: { ...statement, subject: otherSubject } })],
  ['of another type of payload', false, () => byKey({ payloadType: 'text/plain' })],
  ['of no statement', false, () => byKey({ statement: '{}' })],
]

const loggedCases: readonly Case[] = [
  ['that is logged', true, logged],
  ['that is logged, and has no promise', true, () => logged(changedEntry({ inclusionPromise: undefined }))],
  ['that is not logged', false, byKey],
  ['of another log', false, () => logged({ log: createTransparencyLog() })],
  ['that is logged with another key', false, () => logged({ loggedWith: pemOf(newKey().publicKey).toString() })],
]

const keylessCases: readonly Case[] = [
  ['that is certified and logged', true, certified],
  ['that is, and old', true, () => certified(oldCertificate, { loggedAt: minutes(-55) })],
  ['that is certified, and not logged', false, () => certified({}, { log: undefined })],
  ['of another person', false, () => certified({ emails: ['mo@example.com'] })],
  ['of another issuer', false, () => certified({ oidcIssuer: 'https://other.example' })],
  ['of another log, certified', false, () => certified({}, { log: createTransparencyLog() })],
  ['logged when its certificate had expired', false, () => certified(oldCertificate)],
  ['with another time in its entry', false, () => certified({}, changedEntry({ integratedTime: '1' }))],
  ['logged as by a key', false, () => certified({}, { loggedWith: pemOf(key.publicKey).toString() })],
  ['for TLS', false, () => certified({ usages: ['1.3.6.1.5.5.7.3.1'] })],
]

describe.skipIf(missing)(`verdicts of cosign on bundles ${missing ?? ''}`, () => {
  test.each(byKeyCases)('one %s', async (_, isAccepted, bundle) => {
    const json = await bundle()
    expect(await accepts(json, requireKeys([key]))).toBe(isAccepted)
    expect(await cosignAccepts(json, ['--key', path('key.pub'), '--insecure-ignore-tlog'])).toBe(isAccepted)
  })

  test.each(loggedCases)('one %s', async (_, isAccepted, bundle) => {
    const json = await bundle()
    expect(await accepts(json, { ...requireKeys([key]), rekorKeys: rekorKeys() })).toBe(isAccepted)
    expect(await cosignAccepts(json, ['--key', path('key.pub')])).toBe(isAccepted)
  })

  test.each(keylessCases)('one %s', async (_, isAccepted, bundle) => {
    const json = await bundle()
    const ca = { data: Buffer.from(sigstore.authority.chain.join('')) }
    const trust = { kind: 'fulcio', ca, oidcIssuer: sigstore.oidcUrl, subjectEmail: email } as const
    expect(await accepts(json, { ...requireKeys([]), trust, rekorKeys: rekorKeys() })).toBe(isAccepted)
    const whom = ['--certificate-identity', email, '--certificate-oidc-issuer', sigstore.oidcUrl]
    expect(await cosignAccepts(json, whom)).toBe(isAccepted)
  })
})

test.skipIf(missing)(
  `cosign takes an attestation that goes as a signature for one: not here ${missing ?? ''}`,
  async () => {
    const attestation = await byKey({ statement: { ...statement, predicateType: 'https://slsa.dev/provenance/v1' } })
    expect(await accepts(attestation, requireKeys([key]))).toBe(false)
    expect(await cosignAccepts(attestation, ['--key', path('key.pub'), '--insecure-ignore-tlog'])).toBe(true)
  },
)

function rekorKeys(): SigstoreSignedRequirement['rekorKeys'] {
  return [{ data: pemOf(sigstore.log.publicKey) }]
}

async function accepts(json: unknown, requirement: SigstoreSignedRequirement): Promise<boolean> {
  const verifier = await createSigstoreVerifier(requirement)
  return verifier.verify(asBundle(json)).then(
    (claim) => claim.manifest === manifest,
    () => false,
  )
}

/** Of an image that has this bundle only, put there as cosign does. */
async function cosignAccepts(json: unknown, words: readonly string[]): Promise<boolean> {
  const image = `${registry.host}/app${++images}:v1`
  const type = 'application/vnd.dev.sigstore.bundle.v0.3+json'
  await writeFile(path('bundle.json'), JSON.stringify(json))
  const push = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', `dir:${path('image')}`]
  await peer('skopeo').output([...push, `docker://${image}`])
  const annotations = ['content=dsse-envelope', 'predicateType=https://sigstore.dev/cosign/sign/v1'].flatMap((text) => [
    '--annotation',
    `dev.sigstore.bundle.${text}`,
  ])
  const attach = ['attach', '--plain-http', '--artifact-type', type, ...annotations, image, `bundle.json:${type}`]
  await peer('oras').output(attach, { cwd: folder })
  const trust = ['--trusted-root', path('trusted-root.json'), '--allow-http-registry']
  const { code } = await peer('cosign').run(['verify', ...words, ...trust, image], {
    env: { ...process.env, HOME: folder },
  })
  return code === 0
}
