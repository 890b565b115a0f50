import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startRefusingProxy } from '../refusing-proxy.ts'
import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { startScriptedRegistry } from '../scripted-registry.ts'
import { writeToLayout } from '../write-image.ts'

const image = fixtureImage({ format: 'docker' })

let user: User
let registry: RegistryServer
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  const to = `docker://${registry.host}/team/app:latest`
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', to])
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

describe('list-tags', () => {
  it('TAG-01: of a repository', async () => {
    const { code, stdout } = await user.run(['list-tags', '--tls-verify=false', `docker://${registry.host}/team/app`])
    expect(code).toBe(0)
    expect(stdout).toBe(
      `{\n    "Repository": "${registry.host}/team/app",\n    "Tags": [\n        "latest"\n    ]\n}\n`,
    )
  })

  it('TAG-02: of a compressed docker-archive', async () => {
    await copyFile(join(import.meta.dirname, '../fixtures/two-names.tar.xz'), join(user.home, 'two.tar.xz'))
    const { code, stdout } = await user.run(['list-tags', 'docker-archive:two.tar.xz'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ Tags: ['docker.io/library/app:v1', 'example.com/a:two'] })
  })

  it.each([[[]], [['a', 'b']]])('UNI-03: with %j', async (words) => {
    const outcome = await user.run(['list-tags', ...words])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(outcome.stderr).toContain('Usage:\n  transload list-tags')
    expect(fatalMessage(outcome)).toBe('Exactly one non-option argument expected')
  })

  it.each([
    ['oci://d', 'no such file or directory'],
    ['dir:/p', "Unsupported transport 'dir' for tag listing. Only supported: docker, docker-archive"],
    ['docker-archive:/p', 'no such file or directory'],
    ['docker-daemon:x:1', 'docker-daemon'],
    ['container-storage:x', 'Invalid "container-storage:x": does not specify a transport'],
    ['foo', 'Invalid "foo": does not specify a transport'],
    ['docker:foo', 'docker: image reference docker:foo does not start with docker://'],
    ['docker://a:1:2', 'invalid reference format'],
    ['docker://a/', 'invalid reference format'],
    ['docker://a:latest', 'No tag or digest allowed in reference'],
    [`docker://a@${image.root.digest}`, 'No tag or digest allowed in reference'],
  ])('UNI-23: refuses %s', async (name, message) => {
    const outcome = await user.run(['list-tags', name])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toContain(message)
  })

  it.each([
    ['docker://myhost.com:1000/nginx', 'myhost.com:1000', 'myhost.com:1000'],
    ['docker://myhost.com/nginx', 'myhost.com', 'myhost.com:443'],
    ['docker://somehost.com', 'registry-1.docker.io', 'registry-1.docker.io:443'],
    ['docker://nginx', 'registry-1.docker.io', 'registry-1.docker.io:443'],
  ])('UNI-22: %s is a repository at %s', async (name, host, address) => {
    await using proxy = await startRefusingProxy()
    const outcome = await user.run(['list-tags', name], { env: { HTTPS_PROXY: proxy.url } })
    expect(fatalMessage(outcome)).toContain(`pinging container registry ${host}: `)
    expect(proxy.asked).toEqual([address])
  })

  it('says when the repository is not there', async () => {
    const outcome = await user.run(['list-tags', '--tls-verify=false', `docker://${registry.host}/none`])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toMatch(/^Error listing repository tags: fetching tags list: /)
  })
})

describe('delete', () => {
  it('DEL-01, DEL-02: takes the image away', async () => {
    const name = `docker://${registry.host}/gone:1`
    await user.run(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', name])
    const before = await user.run(['inspect', '--raw', '--tls-verify=false', name])
    expect(before.stdout).toContain('vnd.docker.distribution.manifest.v2+json')
    expect(await user.run(['delete', '--tls-verify=false', name])).toMatchObject({ code: 0, output: '' })
    expect((await user.run(['inspect', '--tls-verify=false', name])).code).toBe(2)
  })

  it('takes an image out of a layout', async () => {
    await writeToLayout(image, join(user.home, 'layout'), 'a')
    expect(await user.run(['delete', '--json', 'oci:layout:a'])).toMatchObject({ code: 0 })
    expect((await user.run(['delete', 'oci:layout:a'])).code).toBe(2)
  })

  it.each([
    ['nonsense', 1, 'Invalid source name nonsense: Invalid image name "nonsense", expected'],
    ['dir:x', 1, 'Deleting images not implemented for dir: images'],
    ['oci-archive:x', 1, 'Deleting images not implemented for oci: images'],
  ])('refuses %s', async (name, code, message) => {
    const outcome = await user.run(['delete', name])
    expect(outcome.code).toBe(code)
    expect(fatalMessage(outcome)).toContain(message)
  })

  it('says what it could not do when the registry fails', async () => {
    await using failing = await startScriptedRegistry(() => ({ status: 500 }))
    const name = `${failing.host}/app:1`
    expect(fatalMessage(await user.run(['delete', '--tls-verify=false', `docker://${name}`]))).toBe(
      `deleting ${name}: received unexpected HTTP status: 500 Internal Server Error`,
    )
  })

  it('of a missing tag', async () => {
    const outcome = await user.run(['delete', '--tls-verify=false', `docker://${registry.host}/team/app:none`])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe(
      `Unable to delete ${registry.host}/team/app:none. Image may not exist or is not stored with a v2 Schema in a v2 registry`,
    )
  })
})

describe('manifest-digest', () => {
  it('SIG-57: of a copied image', async () => {
    await user.succeed(['copy', '-q', 'oci:images:v1', 'dir:copied'])
    expect(await user.succeed(['manifest-digest', 'copied/manifest.json'])).toBe(`${image.root.digest}\n`)
  })

  it.each([[[]], [['a', 'b']]])('UNI-04: with %j', async (words) => {
    expect(fatalMessage(await user.run(['manifest-digest', ...words]))).toContain('Usage')
  })

  it('UNI-05: of a file that is not there', async () => {
    expect(fatalMessage(await user.run(['manifest-digest', '/missing']))).toBe(
      'Error reading manifest from /missing: open /missing: no such file or directory',
    )
  })

  it('UNI-06: of a schema 1 manifest with broken signatures', async () => {
    const broken = {
      schemaVersion: 1,
      name: 'a',
      tag: 'b',
      fsLayers: [],
      history: [],
      signatures: [{ protected: 'e30' }],
    }
    await writeFile(join(user.home, 'broken.json'), JSON.stringify(broken))
    expect(fatalMessage(await user.run(['manifest-digest', 'broken.json']))).toContain('computing digest')
  })

  it('UNI-07: of any file', async () => {
    await writeFile(join(user.home, 'manifest.json'), image.root.bytes)
    expect(await user.run(['manifest-digest', 'manifest.json'])).toMatchObject({
      code: 0,
      output: `${image.root.digest}\n`,
    })
    await writeFile(join(user.home, 'any'), 'any')
    const json = await user.run(['manifest-digest', '--json', 'any'])
    expect(JSON.parse(json.stdout)).toEqual({ digest: digestOf(Buffer.from('any')) })
  })
})

it.each([[[]], [['a']], [['a', 'b', 'c']]])('UNI-01: copy with %j', async (words) => {
  const outcome = await user.run(['--insecure-policy', 'copy', ...words])
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  expect(fatalMessage(outcome)).toBe('Exactly two arguments expected')
})
