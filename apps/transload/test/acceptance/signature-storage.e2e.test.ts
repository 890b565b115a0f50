import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import { generateKey } from 'openpgp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { kubeconfigFor, startOpenShiftApi, type OpenShiftApi } from '../openshift-api.ts'
import { readTree } from '../read-tree.ts'
import { createUser, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
const signed = ['--sign-by-key-file', 'key.asc']
const noSignature = 'Source image rejected: A signature was required, but no signature exists'

let user: User
let registry: RegistryServer
/** A mirror is another registry. */
let mirror: RegistryServer
/** With the signature extension, and an image stream for each repository. */
let keeping: RegistryServer
let api: OpenShiftApi
let count = 0

beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  mirror = await startRegistryServer({ directory: join(user.home, 'mirror') })
  keeping = await startRegistryServer({ directory: join(user.home, 'keeping'), signatures: true })
  api = await startOpenShiftApi(keeping.host)
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'object' })
  await writeFile(join(user.home, 'key.asc'), privateKey.armor())
  await writeFile(join(user.home, 'public.asc'), publicKey.armor())
  const required = { type: 'signedBy', keyType: 'GPGKeys', keyPath: join(user.home, 'public.asc') }
  await writeFile(join(user.home, 'strict.json'), JSON.stringify({ default: [required] }))
  await writeFile(join(user.home, 'kubeconfig'), kubeconfigFor(api))
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await writeToLayout(fixtureImage({ label: 'other' }), join(user.home, 'images'), 'other')
  await writeToLayout(fixtureIndex(), join(user.home, 'images'), 'list')
})

afterAll(async () => {
  await api[Symbol.asyncDispose]()
  for (const server of [registry, mirror, keeping]) await server.close()
  await user[Symbol.asyncDispose]()
})

/** A path that is not there yet. */
function fresh(): string {
  return join(user.home, `path${++count}`)
}

interface CopyOptions {
  /** Namespaces of `registries.d`. */
  readonly storage?: Readonly<Record<string, object>>
  readonly policy?: 'strict.json'
  readonly registriesConf?: string
}

async function copy(
  flags: readonly string[],
  from: string,
  to: string,
  { storage = {}, policy, registriesConf }: CopyOptions = {},
): Promise<Outcome> {
  const globals = [
    '--registries.d',
    await registriesD(storage),
    ...(policy ? ['--policy', policy] : []),
    ...(registriesConf === undefined ? [] : ['--registries-conf', registriesConf]),
  ]
  return await user.run([...globals, 'copy', '-q', ...insecure, ...flags, from, to], {
    env: { KUBECONFIG: 'kubeconfig' },
  })
}

async function registriesD(storage: Readonly<Record<string, object>>): Promise<string> {
  const directory = fresh()
  await mkdir(directory)
  await writeFile(join(directory, 'test.yaml'), JSON.stringify({ docker: storage }))
  return directory
}

const success = { code: 0, stderr: '' }

function failsWith(problem: string): object {
  return { code: 1, output: expect.stringContaining(problem) as string }
}

async function filesIn(directory: string): Promise<readonly string[]> {
  return Object.keys(await readTree(directory))
}

describe('a lookaside', () => {
  it('SIG-19, SIG-20: nothing configured, and nothing signed', async () => {
    const image = `docker://${registry.host}/plain/app:v1`
    expect(await copy([], 'oci:images:v1', image)).toMatchObject(success)
    expect(await copy([], image, `dir:${fresh()}`, { policy: 'strict.json' })).toMatchObject(failsWith(noSignature))
  })

  it('SIG-21, SIG-22, SIG-23: signed into files, accepted, and deleted', async () => {
    const lookaside = fresh()
    const image = `docker://${registry.host}/files/app:v1`
    const storage = { [`${registry.host}/files`]: { lookaside: `file://${lookaside}` } }
    expect(await copy(signed, 'oci:images:v1', image, { storage })).toMatchObject(success)
    const [file, ...others] = await filesIn(lookaside)
    expect(file).toMatch(/^files\/app@sha256=[0-9a-f]{64}\/signature-1$/)
    expect(others).toEqual([])
    expect(await copy([], image, `dir:${fresh()}`, { storage, policy: 'strict.json' })).toMatchObject(success)
    const words = ['--registries.d', await registriesD(storage), 'delete', '--tls-verify=false', image]
    expect(await user.run(words)).toMatchObject(success)
    expect(await filesIn(lookaside)).toEqual([])
  })

  it('without configuration is in the home of the user', async () => {
    const image = `docker://${registry.host}/home/app:v1`
    expect(await copy([...signed, '--all'], 'oci:images:list', image)).toMatchObject(success)
    const files = await filesIn(join(user.home, '.local/share/containers/sigstore/home'))
    expect(files.length).toBeGreaterThan(2)
    expect(await copy(['--all'], image, `dir:${fresh()}`, { policy: 'strict.json' })).toMatchObject(success)
  })

  it('SIG-24, SIG-25, SIG-26: written in one place, read from another', async () => {
    const [staging, empty] = [fresh(), fresh()]
    const image = `docker://${registry.host}/web/app:v1`
    await using served = await serveFiles(staging)
    await using other = await serveFiles(empty)
    const places = (read: string): CopyOptions['storage'] => ({
      [`${registry.host}/web`]: { lookaside: read, 'lookaside-staging': `file://${staging}` },
    })
    expect(await copy(signed, 'oci:images:v1', image, { storage: places(other.url)! })).toMatchObject(success)
    expect(await filesIn(staging)).toHaveLength(1)
    const read = (url: string): Promise<Outcome> =>
      copy([], image, `dir:${fresh()}`, { storage: places(url)!, policy: 'strict.json' })
    expect(await read(other.url)).toMatchObject(failsWith(noSignature))
    expect(await read(served.url)).toMatchObject(success)
  })

  it('on a web server cannot be written to, nor deleted from', async () => {
    const image = `docker://${registry.host}/unwritable/app:v1`
    const storage = { [registry.host]: { lookaside: 'https://sigs.test/x' } }
    const problem = 'is not supported. Configure a lookaside-staging: location'
    await copy([], 'oci:images:v1', image)
    const words = ['--registries.d', await registriesD(storage), 'delete', '--tls-verify=false', image]
    const deleted = await user.run(words)
    expect(deleted).toMatchObject(failsWith(problem))
    expect(deleted.stderr).toContain('The image is deleted, but its signatures are not.')
  })

  it('that cannot be written to keeps a copy from beginning', async () => {
    const image = `docker://${registry.host}/unwritten/app:v1`
    const storage = { [registry.host]: { lookaside: 'https://sigs.test/x' } }
    const problem = 'is not supported. Configure a lookaside-staging: location'
    expect(await copy(signed, 'oci:images:v1', image, { storage })).toMatchObject(failsWith(problem))
    const listed = await user.run(['list-tags', '--tls-verify=false', `docker://${registry.host}/unwritten/app`])
    expect(listed.code).not.toBe(0)
  })
})

describe('a registry that keeps signatures', () => {
  it('SIG-27: unsigned', async () => {
    const [, docker = ''] = both('unsigned')
    expect(await copy([], 'oci:images:v1', docker)).toMatchObject(success)
    for (const image of both('unsigned')) {
      expect(await copy([], image, `dir:${fresh()}`, { policy: 'strict.json' })).toMatchObject(failsWith(noSignature))
    }
  })

  it('SIG-28: signed by way of OpenShift', async () => {
    const [atomic = ''] = both('by-atomic')
    expect(await copy(signed, 'oci:images:v1', atomic)).toMatchObject(success)
    const [one, other] = await pulled('by-atomic')
    expect(one).toEqual(other)
    expect(one).toHaveProperty('signature-1')
  })

  it('SIG-29: signed by way of the registry', async () => {
    const [, docker = ''] = both('by-docker')
    expect(await copy(signed, 'oci:images:other', docker)).toMatchObject(success)
    const [one, other] = await pulled('by-docker')
    expect(one).toEqual(other)
    expect(one).toHaveProperty('signature-1')
  })
})

describe('mirrors', () => {
  it('SIG-30, SIG-31: what counts is the name of the primary', async () => {
    await push([], `docker://${registry.host}/m/unsigned:v1`)
    expect(await pull(`docker://${registry.host}/m/unsigned:v1`, 'strict.json')).toMatchObject(failsWith(noSignature))
    await push(signed, `docker://${registry.host}/m/primary:v1`)
    expect(await pull(`docker://${registry.host}/m/primary:v1`, 'strict.json')).toMatchObject(success)
  })

  it('SIG-32, SIG-33, SIG-34: signed for the name of the mirror', async () => {
    await push(signed, `docker://${mirror.host}/m/named:v1`)
    expect(await pull(`docker://${mirror.host}/m/named:v1`, 'strict.json')).toMatchObject(success)
    expect(await pull(`docker://${registry.host}/m/named:v1`)).toMatchObject(success)
    const problem = `Source image rejected: Signature for identity "${mirror.host}/m/named:v1" is not accepted`
    expect(await pull(`docker://${registry.host}/m/named:v1`, 'strict.json')).toMatchObject(
      failsWith(JSON.stringify(problem).slice(1, -1)),
    )
  })

  it('SIG-36, SIG-37: signed for the name of the primary', async () => {
    await push([...signed, '--sign-identity', `${registry.host}/m/renamed:v1`], `docker://${mirror.host}/m/renamed:v1`)
    expect(await pull(`docker://${registry.host}/m/renamed:v1`, 'strict.json')).toMatchObject(success)
    expect(await pull(`docker://${mirror.host}/m/renamed:v1`)).toMatchObject(success)
    expect(await pull(`docker://${mirror.host}/m/renamed:v1`, 'strict.json')).toMatchObject(
      failsWith(`${registry.host}/m/renamed:v1`),
    )
  })
})

function both(name: string): readonly string[] {
  return [`atomic:${keeping.host}/team/${name}:v1`, `docker://${keeping.host}/team/${name}:v1`]
}

/** Trees of copies of it under the policy. */
async function pulled(name: string): Promise<readonly unknown[]> {
  return await Promise.all(
    both(name).map(async (image) => {
      const to = fresh()
      expect(await copy([], image, `dir:${to}`, { policy: 'strict.json' })).toMatchObject(success)
      return await readTree(to)
    }),
  )
}

/** An image of the primary registry is looked for in the mirror first. */
async function mirroring(): Promise<string> {
  const file = fresh()
  await writeFile(
    file,
    `[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"\ninsecure = true\n`,
  )
  return file
}

async function pull(image: string, policy?: 'strict.json'): Promise<Outcome> {
  const registriesConf = await mirroring()
  const lookaside = { lookaside: `file://${join(user.home, 'mirrored-signatures')}` }
  const storage = { [registry.host]: lookaside, [mirror.host]: lookaside }
  return await copy([], image, `dir:${fresh()}`, { registriesConf, storage, ...(policy ? { policy } : {}) })
}

async function push(flags: readonly string[], image: string): Promise<void> {
  const lookaside = { lookaside: `file://${join(user.home, 'mirrored-signatures')}` }
  const storage = { [registry.host]: lookaside, [mirror.host]: lookaside }
  expect(await copy(flags, 'oci:images:v1', image, { storage })).toMatchObject(success)
}

/** A web server for the files of a directory. */
async function serveFiles(directory: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const file = createReadStream(join(directory, request.url ?? ''))
    file.on('error', () => response.writeHead(404).end())
    file.pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
