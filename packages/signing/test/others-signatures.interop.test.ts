import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Signature, SigstoreSignedRequirement } from '@transload/contract'
import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { parseSignatureFile } from '@transload/formats'
import { peer, requirePeers, startDockerRegistry, testImage, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createSigstoreVerifier } from '../src/sigstore.ts'

const missing = requirePeers('cosign', 'skopeo', 'registry')
const email = 'jo@example.com'

let folder: string
let sigstore: FakeSigstore
let registry: DockerRegistry
let image: string
let digest: string

const path = (name: string): string => join(folder, name)
const skopeo = (words: readonly string[]): Promise<string> => peer('skopeo').output(['--insecure-policy', ...words])
const cosign = (words: readonly string[]): Promise<string> =>
  peer('cosign').output(words, { env: { ...process.env, HOME: folder, COSIGN_PASSWORD: 'secret' }, cwd: folder })

beforeAll(async () => {
  if (missing) return
  folder = await mkdtemp(join(tmpdir(), 'signing-'))
  sigstore = await startFakeSigstore({ subject: 'jo', email })
  registry = await startDockerRegistry()
  image = `${registry.host}/app:1`
  await skopeo(['copy', '--quiet', '--dest-tls-verify=false', testImage('small'), `docker://${image}`])
  digest = (await skopeo(['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${image}`])).trim()
  await cosign(['generate-key-pair'])
  await writeFile(path('passphrase'), 'secret')
  await writeFile(path('token'), sigstore.createToken())
  await writeFile(path('trusted-root.json'), JSON.stringify(sigstore.trustedRoot()))
  const create = ['signing-config', 'create', '--rekor-config', 'ANY']
  await cosign([...create, '--out', path('offline.json')])
  const services = ['--fulcio', serviceOf(sigstore.fulcioUrl), '--rekor', serviceOf(sigstore.rekorUrl)]
  await cosign([...create, ...services, '--oidc-provider', serviceOf(sigstore.oidcUrl), '--out', path('online.json')])
}, 60_000)

afterAll(async () => {
  if (missing) return
  await registry[Symbol.asyncDispose]()
  await sigstore[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe.skipIf(missing)(`signatures of others ${missing ?? ''}`, () => {
  test('a bundle that cosign signed with a key is accepted, without a log where none is asked for', async () => {
    const bundle = await bundleOfCosign('offline.json', ['--key', path('cosign.key')])
    expect(await verdict(bundle, byKey())).toEqual({ manifest: digest, signer: expect.any(String) as string })
    expect(await verdict(bundle, { ...byKey(), rekorKeys: logKeys() })).toBe('the bundle has no log entry')
    expect(await verdict(bundle, byFulcio())).toBe('the bundle has no certificate')
  })

  test('so is one that it logged', async () => {
    const bundle = await bundleOfCosign('online.json', ['--key', path('cosign.key')])
    expect(await verdict(bundle, { ...byKey(), rekorKeys: logKeys() })).toMatchObject({ manifest: digest })
  })

  test('its image has the name that cosign was told to say', async () => {
    const words = ['--key', path('cosign.key'), '-a', 'docker-reference=example.com/app:1']
    const bundle = await bundleOfCosign('offline.json', words)
    expect(await verdict(bundle, byKey())).toMatchObject({ manifest: digest, identity: 'example.com/app:1' })
  })

  test('so is a keyless one, by whom its certificate names', async () => {
    const bundle = await bundleOfCosign('online.json', ['--identity-token', path('token')])
    const signer = `${email} (${sigstore.oidcUrl})`
    expect(await verdict(bundle, byFulcio())).toEqual({ manifest: digest, signer })
    expect(await verdict(bundle, byFulcio('mo@example.com'))).toMatch(/^Required email "mo@example.com" not found/)
    expect(await verdict(bundle, byKey())).toMatch(/^cryptographic signature verification failed/)
    // The services are real enough for cosign: it skips nothing.
    const whom = ['--certificate-identity', email, '--certificate-oidc-issuer', sigstore.oidcUrl]
    const trust = ['--trusted-root', path('trusted-root.json'), '--allow-http-registry']
    expect(JSON.parse(await cosign(['verify', ...whom, ...trust, image]))).toHaveLength(1)
  })

  test('an attestation of cosign is not taken for a signature', async () => {
    await writeFile(path('predicate.json'), '{}')
    const words = ['attest', '--type', 'custom', '--predicate', path('predicate.json'), '--key', path('cosign.key')]
    const bundle = await bundleOfCosign('offline.json', [], words)
    expect(await verdict(bundle, byKey())).toMatch(/^the bundle states ".*attestation.*", which is not a signature$/)
  })

  test('what skopeo signed with a key is accepted', async () => {
    const flags = ['--sign-by-sigstore-private-key', path('cosign.key'), '--sign-passphrase-file', path('passphrase')]
    expect(await verdict(await signatureOfSkopeo(flags), byKey())).toMatchObject({ manifest: digest, identity: named })
  })

  test.each([[true], [false]])('so is what it signed keyless, or logged with a key (%s)', async (isKeyless) => {
    const fulcio = { fulcioURL: sigstore.fulcioUrl, oidcMode: 'staticToken', oidcIDToken: sigstore.createToken() }
    const key = { privateKeyFile: path('cosign.key'), privateKeyPassphraseFile: path('passphrase') }
    const parameters = { ...(isKeyless ? { fulcio } : key), rekorURL: sigstore.rekorUrl }
    await writeFile(path('parameters.yaml'), JSON.stringify(parameters))
    const signature = await signatureOfSkopeo(['--sign-by-sigstore', path('parameters.yaml')])
    const requirement = isKeyless ? byFulcio() : { ...byKey(), rekorKeys: logKeys() }
    expect(await verdict(signature, requirement)).toMatchObject({ manifest: digest, identity: named })
  })
})

function serviceOf(url: string): string {
  return `url=${url},api-version=1,start-time=2024-01-01T00:00:00Z,operator=fake`
}

const named = 'example.com/app:1'

async function bundleOfCosign(
  config: string,
  words: readonly string[],
  command: readonly string[] = ['sign'],
): Promise<Signature> {
  const file = path('bundle.json')
  const trust = ['--signing-config', path(config), '--trusted-root', path('trusted-root.json')]
  await cosign([...command, ...words, ...trust, '--yes', '--bundle', file, '--allow-http-registry', image])
  const bytes = await readFile(file)
  await rm(file)
  return { kind: 'bundle', mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', bytes }
}

async function signatureOfSkopeo(flags: readonly string[]): Promise<Signature> {
  const to = path('copy')
  await rm(to, { recursive: true, force: true })
  const from = ['--src-tls-verify=false', `docker://${image}`]
  await skopeo(['copy', '--quiet', '--remove-signatures', '--sign-identity', named, ...flags, ...from, `dir:${to}`])
  return parseSignatureFile(await readFile(join(to, 'signature-1')), 'signature-1')
}

/** What the signature proves, or why it proves nothing. */
async function verdict(signature: Signature, requirement: SigstoreSignedRequirement): Promise<unknown> {
  const verifier = await createSigstoreVerifier(requirement)
  return verifier.verify(signature).catch((error: Error) => error.message)
}

function byKey(): SigstoreSignedRequirement {
  const trust = { kind: 'keys', keys: [{ path: path('cosign.pub') }] } as const
  return { type: 'sigstoreSigned', trust, rekorKeys: [], signedIdentity: { type: 'matchRepository' } }
}

function byFulcio(subjectEmail = email): SigstoreSignedRequirement {
  const ca = { data: Buffer.from(sigstore.authority.chain.join('')) }
  const trust = { kind: 'fulcio', ca, oidcIssuer: sigstore.oidcUrl, subjectEmail } as const
  return { type: 'sigstoreSigned', trust, rekorKeys: logKeys(), signedIdentity: { type: 'matchRepository' } }
}

function logKeys(): SigstoreSignedRequirement['rekorKeys'] {
  return [{ data: Buffer.from(sigstore.log.publicKey.export({ format: 'pem', type: 'spki' })) }]
}
