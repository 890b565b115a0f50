import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { peer, requirePeers, startDockerRegistry, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { startServing } from '../serving.ts'

const missing = requirePeers('cosign', 'registry')

const closing = new AsyncDisposableStack()
let user: User
let sigstore: FakeSigstore
let hosts: Readonly<Record<'docker' | 'transload', string>>
beforeAll(async () => {
  if (missing) return
  user = closing.use(await createUser())
  sigstore = closing.use(await startFakeSigstore())
  const docker = closing.use(await startDockerRegistry())
  const served = closing.use(await startServing(user, ['served']))
  hosts = { docker: docker.host, transload: served.host }
  await save('fulcio.pem', sigstore.authority.chain.join(''))
  await save('rekor.pub', sigstore.log.publicKey.export({ format: 'pem', type: 'spki' }).toString())
  await save('trusted-root.json', JSON.stringify(sigstore.trustedRoot()))
  await save('token', sigstore.createToken())
  await save('predicate.json', '{}')
  await mkdir(path('.config/containers/registries.d'), { recursive: true })
  await save('.config/containers/registries.d/all.yaml', 'default-docker:\n  use-sigstore-attachments: true\n')
  const fulcio = ['--fulcio', serviceOf(sigstore.fulcioUrl), '--oidc-provider', serviceOf(sigstore.oidcUrl)]
  const rekor = ['--rekor', serviceOf(sigstore.rekorUrl), '--rekor-config', 'ANY']
  await cosign('signing-config', 'create', ...fulcio, ...rekor, '--out', path('services.json'))
}, 60_000)
afterAll(() => closing.disposeAsync())

/** A registry with the referrers API, and one without, where cosign keeps a list under a tag. */
describe.skipIf(missing).each(['docker', 'transload'] as const)(
  `keyless signatures of cosign, in the registry of %s ${missing ?? ''}`,
  (registry) => {
    test.each(['bundle', 'attachment'] as const)('as %s are verified by whom their certificate names', async (form) => {
      const { image, digest } = await push(registry, `signed-${form}`)
      expect(fatalMessage(await verify(image))).toContain('A signature was required, but no signature exists')
      await sign(form, ['-a', `docker-reference=${image}`], `${image}@${digest}`)
      expect(await verify(image)).toMatchObject({ code: 0, stdout: `${digest}\n` })
      expect(fatalMessage(await verify(image, 'mo@example.com'))).toContain('"mo@example.com" not found')
    })

    test('are what a policy asks for, if they name the repository', async () => {
      const { image, digest } = await push(registry, 'asked-for')
      const fulcio = { caPath: path('fulcio.pem'), oidcIssuer: sigstore.oidcUrl, subjectEmail: 'jo@example.com' }
      const requirement = { type: 'sigstoreSigned', fulcio, rekorPublicKeyPath: path('rekor.pub') }
      await save(
        'policy.json',
        JSON.stringify({ default: [{ ...requirement, signedIdentity: { type: 'matchRepository' } }] }),
      )
      const copy = (to: string): Promise<Outcome> =>
        user.run([
          '--policy',
          'policy.json',
          'copy',
          '-q',
          '--src-tls-verify=false',
          `docker://${image}:v1`,
          `dir:${to}`,
        ])
      await sign('bundle', [], `${image}@${digest}`)
      expect(fatalMessage(await copy(`${registry}-unnamed`))).toContain('the signature names no image')
      await sign('bundle', ['-a', `docker-reference=${image}`], `${image}@${digest}`)
      expect(await copy(`${registry}-named`)).toMatchObject({ code: 0 })
    })

    test('are not what an attestation is', async () => {
      const { image, digest } = await push(registry, 'attested')
      const attesting = ['attest', '--type', 'custom', '--predicate', path('predicate.json')]
      await cosign(...attesting, ...keyless('bundle'), `${image}@${digest}`)
      expect(fatalMessage(await verify(image))).toContain('A signature was required, but no signature exists')
    })
  },
)

function serviceOf(url: string): string {
  return `url=${url},api-version=1,start-time=2024-01-01T00:00:00Z,operator=fake`
}

function path(name: string): string {
  return join(user.home, name)
}

async function save(name: string, content: string): Promise<void> {
  await writeFile(path(name), content)
}

async function cosign(...words: readonly string[]): Promise<string> {
  return await peer('cosign').output(words, { cwd: user.home, env: { ...process.env, HOME: user.home } })
}

async function push(registry: keyof typeof hosts, name: string): Promise<{ image: string; digest: string }> {
  const image = `${hosts[registry]}/keyless/${name}`
  const digestFile = path(`${registry}-${name}.digest`)
  const words = ['--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', '--digestfile', digestFile]
  await user.succeed([...words, testImage('small'), `docker://${image}:v1`])
  return { image, digest: (await readFile(digestFile, 'utf8')).trim() }
}

type Form = 'bundle' | 'attachment'

function keyless(form: Form): readonly string[] {
  const bundled = ['--signing-config', path('services.json')]
  // As older ones did by themselves.
  const old = ['--new-bundle-format=false', '--use-signing-config=false']
  const urls = ['--fulcio-url', sigstore.fulcioUrl, '--rekor-url', sigstore.rekorUrl]
  const services = form === 'bundle' ? bundled : [...old, ...urls]
  const trust = ['--trusted-root', path('trusted-root.json'), '--identity-token', path('token')]
  return [...services, ...trust, '--yes', '--allow-http-registry', '--allow-insecure-registry']
}

async function sign(form: Form, words: readonly string[], image: string): Promise<void> {
  await cosign('sign', ...words, ...keyless(form), image)
}

function verify(image: string, identity = 'jo@example.com'): Promise<Outcome> {
  const whom = ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.oidcUrl]
  const trust = ['--certificate-authority', 'fulcio.pem', '--rekor-key', 'rekor.pub']
  return user.run(['verify', '--tls-verify=false', ...whom, ...trust, `docker://${image}:v1`])
}
