import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parseManifest, rawManifest } from '@transload/contract'
import { peer, requirePeers, startDockerRegistry, testImage, writeCertificate } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { startForwardProxy } from './servers/forward-proxy.ts'
import { startNginx } from './servers/nginx.ts'
import { startTokenService } from './servers/token-service.ts'

const missing = requirePeers('registry', 'skopeo', 'nginx', 'tinyproxy', 'htpasswd', 'openssl')
const account = { username: 'mover', password: 'pass word:ü' }
const creds = `${account.username}:${account.password}`
const anonymous = ['--tls-verify=false']

let user: User
beforeAll(async () => {
  user = await createUser()
})
afterAll(async () => {
  await user?.[Symbol.asyncDispose]()
})

let folders = 0
function newFolder(): string {
  return join(user.home, `folder-${++folders}`)
}

async function skopeo(words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const env = { ...process.env, HOME: user.home, XDG_RUNTIME_DIR: join(user.home, 'run'), ...more }
  const { code = null, stdout, stderr } = await peer('skopeo').run(words, { cwd: user.home, env })
  return { code, stdout, stderr, output: stdout + stderr }
}

/** The bytes of the manifest there, as skopeo reads them. */
async function manifestBySkopeo(flags: readonly string[], image: string): Promise<string> {
  const { stdout, stderr, code } = await skopeo(['inspect', '--raw', ...flags, image])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

async function testManifest(name: Parameters<typeof testImage>[0]): Promise<string> {
  return await manifestBySkopeo([], testImage(name))
}

describe.runIf(!missing)('docker-registry with htpasswd behind its own TLS', () => {
  test('takes what is given the credentials and the certificate, and nothing else', async () => {
    await using registry = await startDockerRegistry({ htpasswd: account, tls: true, delete: true })
    const image = `docker://${registry.host}/team/app:1`
    const certificates = newFolder()
    await mkdir(certificates)
    await writeFile(join(certificates, 'ca.crt'), await readFile(registry.certificatePath!))
    const trusted = [`--dest-cert-dir=${certificates}`]

    const untrusted = await user.run(['copy', testImage('small'), image, `--dest-creds=${creds}`])
    expect(fatalMessage(untrusted)).toMatch(/certificate|self-signed/)
    const unknown = await user.run(['copy', testImage('small'), image, ...trusted, '--dest-creds=mover:wrong'])
    expect([unknown.code, fatalMessage(unknown)]).toEqual([1, expect.stringContaining('authentication required')])
    expect(unknown.output).not.toContain('wrong')
    const nobody = await user.run(['copy', testImage('small'), image, ...trusted])
    expect(fatalMessage(nobody)).toContain('authentication required')

    await user.succeed(['copy', testImage('small'), image, ...trusted, `--dest-creds=${creds}`])
    const read = [`--cert-dir=${certificates}`, `--creds=${creds}`]
    expect(await manifestBySkopeo(read, image)).toBe(await testManifest('small'))

    const login = ['login', `--cert-dir=${certificates}`, '-u', account.username, '--password-stdin', registry.host]
    await user.succeed(login, { input: account.password })
    const certDirectory = join(user.home, '.config/containers/certs.d', registry.host)
    await mkdir(certDirectory, { recursive: true })
    await writeFile(join(certDirectory, 'ca.crt'), await readFile(registry.certificatePath!))
    expect(await user.succeed(['inspect', '--raw', image])).toBe(await testManifest('small'))
    expect(JSON.parse(await user.succeed(['list-tags', `docker://${registry.host}/team/app`]))).toHaveProperty('Tags', [
      '1',
    ])
    await user.succeed(['delete', image])
    expect((await user.run(['inspect', image])).code).toBe(2)
    await user.succeed(['logout', registry.host])
    expect(fatalMessage(await user.run(['inspect', image]))).toContain('authentication required')
  }, 60_000)
})

describe.runIf(!missing)('docker-registry with the tokens of a service', () => {
  test('pushes, mounts, pulls and deletes with the scopes each needs', async () => {
    await using service = await startTokenService(newFolder(), account)
    await using registry = await startDockerRegistry({ token: service.authentication, delete: true })
    const at = (name: string): string => `docker://${registry.host}/${name}`
    const known = `--dest-creds=${creds}`

    await user.succeed(['copy', '--dest-tls-verify=false', known, testImage('small'), at('open/app:1')])
    expect(service.requests.some((query) => query.get('scope') === 'repository:open/app:pull,push')).toBe(true)
    expect(service.requests.every((query) => query.get('service') === 'registry.test')).toBe(true)

    const both = [`--src-creds=${creds}`, known, '--src-tls-verify=false', '--dest-tls-verify=false']
    await user.succeed(['copy', ...both, at('open/app:1'), at('closed/app:1')])
    expect(await manifestBySkopeo([...anonymous, `--creds=${creds}`], at('closed/app:1'))).toBe(
      await testManifest('small'),
    )

    expect(await user.succeed(['inspect', '--raw', ...anonymous, at('open/app:1')])).toBe(await testManifest('small'))
    for (const name of ['closed/app:1', 'closed/app:none']) {
      const [ours, theirs] = await Promise.all([
        user.run(['inspect', ...anonymous, at(name)]),
        skopeo(['inspect', ...anonymous, at(name)]),
      ])
      expect([ours.code, ours.stdout]).toEqual([theirs.code, theirs.stdout])
      expect(fatalMessage(ours)).toContain('requested access to the resource is denied')
    }
    const wrong = await user.run(['inspect', ...anonymous, '--creds=mover:wrong', at('open/app:1')])
    expect(wrong.code).toBe(1)
    expect(wrong.output).not.toContain('wrong')

    await user.succeed(['delete', ...anonymous, `--creds=${creds}`, at('closed/app:1')])
    expect((await user.run(['inspect', ...anonymous, `--creds=${creds}`, at('closed/app:1')])).code).toBe(2)
  }, 60_000)
})

describe.runIf(!missing)('nginx before docker-registry', () => {
  test('ends TLS and limits bodies: layers beyond the limit go in pieces', async () => {
    await using registry = await startDockerRegistry()
    const folder = newFolder()
    await mkdir(folder)
    const certificate = await writeCertificate(folder)
    await using front = await startNginx(join(folder, 'nginx'), { upstream: registry.host, certificate, maxBody: '5m' })
    const image = `docker://127.0.0.1:${front.port}/team/debian:1`
    const trusting = { SSL_CERT_FILE: certificate.certificatePath }

    // One after the other: what is learned of the first holds for all that follow.
    const copied = await user.run(['copy', '--image-parallel-copies=1', testImage('debian'), image], { env: trusting })
    expect([copied.code, copied.stderr]).toEqual([0, expect.stringContaining('413')])
    const raw = await testManifest('debian')
    expect(await manifestBySkopeo(anonymous, image)).toBe(raw)
    const manifest = parseManifest(rawManifest(Buffer.from(raw)))
    expect(
      manifest.kind === 'image' && manifest.layers.some(({ size }) => size !== undefined && size > 5 * 1024 * 1024),
    ).toBe(true)
    const log = await readFile(join(folder, 'nginx/access.log'), 'utf8')
    expect(log).toContain('" 413 ')
    // What it says of bodies is remembered: each layer beyond the limit does not run into it again.
    expect(log.match(/" 413 /g)!.length).toBeLessThan(manifest.kind === 'image' ? manifest.layers.length : 0)
    await user.succeed(['copy', '-q', '--src-tls-verify=false', image, 'dir:from-nginx'])
  }, 120_000)

  test('is a mirror for reading, and the registry itself is not asked', async () => {
    await using registry = await startDockerRegistry()
    const original = `docker://${registry.host}/team/app:1`
    await user.succeed(['copy', '--dest-tls-verify=false', testImage('small'), original])
    const folder = newFolder()
    await using mirror = await startNginx(folder, { upstream: registry.host, readOnly: true })
    await writeFile(
      join(folder, 'registries.conf'),
      `[[registry]]\nprefix = "registry.invalid"\nlocation = "registry.invalid"\n` +
        `[[registry.mirror]]\nlocation = "127.0.0.1:${mirror.port}"\ninsecure = true\n`,
    )
    const line = [
      `--registries-conf=${folder}/registries.conf`,
      'inspect',
      '--raw',
      'docker://registry.invalid/team/app:1',
    ]
    const [ours, theirs] = await Promise.all([user.run(line), skopeo(line)])
    expect([ours.code, ours.stdout]).toEqual([0, await testManifest('small')])
    expect(ours.stdout).toBe(theirs.stdout)
    expect(await readFile(join(folder, 'access.log'), 'utf8')).toContain('/v2/team/app/manifests/1')

    const push = await user.run([
      'copy',
      '--dest-tls-verify=false',
      testImage('small'),
      `docker://127.0.0.1:${mirror.port}/team/other:1`,
    ])
    expect([push.code, fatalMessage(push)]).toEqual([1, expect.stringContaining('403')])
  }, 60_000)
})

/** The same server at an address that is no loopback one to the rules of proxies, which never apply to those. */
function far(host: string): string {
  return host.replace('127.0.0.1', '0.0.0.0')
}

describe.runIf(!missing)('tinyproxy on the way', () => {
  test('carries plain requests and tunnels TLS, for those it knows', async () => {
    await using plain = await startDockerRegistry()
    await using secure = await startDockerRegistry({ tls: true })
    await using proxy = await startForwardProxy(newFolder(), { username: 'through', password: 'gate' })
    const url = `http://through:gate@127.0.0.1:${proxy.port}`
    const env = { HTTP_PROXY: url, HTTPS_PROXY: url, SSL_CERT_FILE: secure.certificatePath! }
    const [first, second] = [`docker://${far(plain.host)}/app:1`, `docker://${far(secure.host)}/app:1`]

    await user.succeed(['copy', '--dest-tls-verify=false', testImage('small'), first], { env })
    expect(
      (await proxy.seen()).some((line) => line.includes(`POST http://${far(plain.host)}/v2/app/blobs/uploads/`)),
    ).toBe(true)
    await user.succeed(['copy', '--src-tls-verify=false', first, second], { env })
    expect((await proxy.seen()).some((line) => line.includes(`CONNECT ${far(secure.host)}`))).toBe(true)
    expect(await user.succeed(['inspect', '--raw', second], { env })).toBe(await testManifest('small'))

    const theirs = await skopeo(['inspect', '--raw', second], env)
    expect([theirs.code, theirs.stdout]).toEqual([0, await testManifest('small')])
    await proxy.seen()

    const around = await user.run(['inspect', '--raw', second], { env: { ...env, NO_PROXY: '0.0.0.0' } })
    expect(around.code).toBe(0)
    const loopback = await user.run(['inspect', '--raw', `docker://${secure.host}/app:1`], { env })
    expect(loopback.code).toBe(0)
    expect(await proxy.seen()).toEqual([])

    const refused = await user.run(['inspect', second], { env: { ...env, HTTPS_PROXY: url.replace('gate', 'SECRET') } })
    expect([refused.code, fatalMessage(refused)]).toEqual([1, expect.stringMatching(/proxy|401|407/i)])
    expect(refused.output).not.toContain('SECRET')
  }, 60_000)
})
