import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import manifest from '../../package.json' with { type: 'json' }
import { createUser, type User } from '../run-cli.ts'
import { startScriptedRegistry, type ScriptedRegistry } from '../scripted-registry.ts'
import { writeToLayout } from '../write-image.ts'

const image = fixtureImage()
const certificates = join(import.meta.dirname, '../fixtures/tls/ca')

let user: User
beforeAll(async () => {
  user = await createUser()
  await writeToLayout(image, join(user.home, 'images'), 'v1')
})
afterAll(() => user[Symbol.asyncDispose]())

// The name differs from the catalogue's: this program is not skopeo.
it('GEN-01, GEN-02, GEN-03: --version prints the version of the package, digits and dots', async () => {
  const { code, output } = await user.run(['--version'])
  expect(code).toBe(0)
  expect(output).toBe(`transload version ${manifest.version}\n`)
  expect(manifest.version).toMatch(/^[\d.]+$/)
})

it('OBS-25: CONTAINERS_REGISTRIES_CONF has no effect', async () => {
  await using registry = await startRegistryServer({ directory: join(user.home, 'obs25') })
  const name = `docker://${registry.host}/app:1`
  const env = { CONTAINERS_REGISTRIES_CONF: join(user.home, 'broken.conf') }
  await writeFile(env.CONTAINERS_REGISTRIES_CONF, 'this is [[ no TOML')
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', name], { env })
  expect(await user.succeed(['inspect', '--tls-verify=false', name], { env })).toContain(image.root.digest)
})

describe('the user agent', () => {
  let registry: ScriptedRegistry
  beforeAll(async () => {
    registry = await startScriptedRegistry((_method, path) =>
      path === '/v2/test/image/manifests/latest'
        ? { status: 200, body: image.root.bytes, headers: { 'content-type': image.root.mediaType } }
        : undefined,
    )
  })
  afterAll(() => registry[Symbol.asyncDispose]())

  // The names differ from the catalogue's: this program is not skopeo and does not say that it is.
  it.each([
    ['GEN-04', [], 'transload/'],
    ['GEN-05', ['--user-agent-prefix', 'bootc/1.0'], 'bootc/1.0 transload/'],
    ['GEN-06', ['--user-agent-prefix', 'my cool app'], 'my cool app transload/'],
  ])('%s: with %j', async (_row, flags, start) => {
    const words = ['--tls-verify=false', ...flags, 'inspect', '--raw', `docker://${registry.host}/test/image:latest`]
    expect((await user.run(words)).code).toBe(0)
    expect(registry.requests.at(-1)?.userAgent.startsWith(start)).toBe(true)
  })
})

it('GEN-07: a registry without TLS is not spoken to in the clear', async () => {
  await using registry = await startScriptedRegistry(() => undefined)
  const { code, output } = await user.run(['copy', `docker://${registry.host}/foobar`, 'dir:out'])
  expect(code).toBe(1)
  expect(output).toContain('server gave HTTP response to HTTPS client')
})

describe('a registry with a certificate of its own', () => {
  let registry: RegistryServer
  let name: string
  beforeAll(async () => {
    registry = await startRegistryServer({
      directory: join(user.home, 'registry'),
      tls: {
        cert: await readFile(join(certificates, 'localhost.crt'), 'utf8'),
        key: await readFile(join(certificates, '../localhost.key'), 'utf8'),
      },
    })
    name = `localhost:${registry.address.port}/busybox`
  })
  afterAll(() => registry.close())

  it('is not trusted without it', async () => {
    const { code, output } = await user.run(['inspect', `docker://${name}:unsigned`])
    expect(code).toBe(1)
    expect(output).toContain('certificate')
  })

  it('GEN-16: copy --dest-cert-dir', async () => {
    const words = ['copy', `--dest-cert-dir=${certificates}`, 'oci:images:v1', `docker://${name}:unsigned`]
    expect(await user.run(words)).toMatchObject({ code: 0 })
  })

  it('GEN-17: copy --src-cert-dir', async () => {
    const words = ['copy', `--src-cert-dir=${certificates}`, `docker://${name}:unsigned`, 'dir:from-tls']
    expect(await user.run(words)).toMatchObject({ code: 0 })
  })

  it('GEN-18: inspect --cert-dir', async () => {
    const { code, output } = await user.run(['inspect', `--cert-dir=${certificates}`, `docker://${name}:unsigned`])
    expect(code).toBe(0)
    expect(output).toContain(name)
  })

  it('GEN-19: delete --cert-dir', async () => {
    expect(await user.run(['delete', `--cert-dir=${certificates}`, `docker://${name}:unsigned`])).toMatchObject({
      code: 0,
    })
  })
})
