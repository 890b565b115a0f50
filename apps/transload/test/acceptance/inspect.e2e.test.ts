import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { digestHex, digestOf, encodeJson, mediaTypes, parseManifest, rawManifest } from '@transload/contract'
import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage, fixtureLayer, type FixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const image = fixtureImage({ format: 'docker', label: 'mine' })

let user: User
let open: RegistryServer
let guarded: RegistryServer
beforeAll(async () => {
  user = await createUser()
  open = await startRegistryServer({ directory: join(user.home, 'open') })
  guarded = await startRegistryServer({
    directory: join(user.home, 'guarded'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4) },
  })
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  await writeToLayout(amigaList(), join(user.home, 'images'), 'amiga')
  await push('v1', open, 'app:one')
  await push('v1', open, 'app:two')
  await push('amiga', open, 'amiga:1', '--all')
  await push('v1', guarded, 'busybox:mine', '--dest-creds=testuser:testpassword')
})
afterAll(async () => {
  await open.close()
  await guarded.close()
  await user[Symbol.asyncDispose]()
})

async function push(name: string, { host }: RegistryServer, to: string, ...flags: string[]): Promise<void> {
  const words = ['copy', '-q', '--dest-tls-verify=false', ...flags, `oci:images:${name}`, `docker://${host}/${to}`]
  await user.succeed(words)
}

/** A Docker list of one image, for a machine that is not this one. */
function amigaList(): FixtureImage {
  const only = fixtureImage({ format: 'docker', label: 'amiga', platform: { os: 'amigaos', architecture: 'mc68000' } })
  const platform = { architecture: 'mc68000', os: 'amigaos', variant: '1000' }
  const { digest, mediaType, bytes } = only.root
  const list = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerList,
    manifests: [{ mediaType, digest, size: bytes.length, platform }],
  }
  return { root: rawManifest(Buffer.from(encodeJson(list))), children: [only.root], blobs: only.blobs }
}

/** An OCI image of one layer, whose config has these members besides the necessary ones. */
function imageWithConfig(members: Readonly<Record<string, unknown>>): FixtureImage {
  const layer = fixtureLayer('talkative')
  const config = Buffer.from(
    encodeJson({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      ...members,
    }),
  )
  const descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length }
  const stored = { mediaType: mediaTypes.ociLayerGzip, digest: layer.digest, size: layer.size }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [stored] }
  return {
    root: rawManifest(Buffer.from(encodeJson(manifest))),
    children: [],
    blobs: [
      { role: 'config', descriptor, open: () => Readable.from([config]) },
      { role: 'layer', descriptor: stored, open: layer.open! },
    ],
  }
}

function inspect(...words: string[]): ReturnType<User['run']> {
  return user.run(['inspect', '--tls-verify=false', ...words])
}

it('INS-01: a name without a transport', async () => {
  const outcome = await inspect('unknown')
  expect(outcome.code).toBe(1)
  expect(outcome.output).toContain('Invalid image name')
})

it.each([
  ['INS-02', ['--creds=testuser:testpassword'], 'busybox:latest', 'manifest unknown', 2],
  ['INS-03', [], 'busybox:latest', 'authentication required', 1],
  ['INS-04', ['--cert-path=/'], 'busybox:latest', 'unknown flag: --cert-path', 1],
  ['INS-05', ['--cert-dir=/etc/docker/certs.d/'], 'busybox:latest', 'authentication required', 1],
  ['INS-18', [], 'nonesuch', 'authentication required', 1],
  ['INS-19', ['--creds=nobody:testpassword'], 'busybox:mine', 'authentication required', 1],
  ['INS-20', ['--creds=testuser:wrong'], 'busybox:mine', 'authentication required', 1],
  ['INS-21', ['--creds=testuser:testpassword'], 'nonesuch', 'manifest unknown', 2],
])('%s: a registry with users, %j', async (_row, flags, name, message, code) => {
  const outcome = await inspect(...flags, `docker://${guarded.host}/${name}`)
  expect(outcome).toMatchObject({ code, stdout: '' })
  expect(outcome.output).toContain(message)
})

it('INS-06: a registry without users', async () => {
  const outcome = await inspect(`docker://${open.host}/busybox:latest`)
  expect(outcome.code).toBe(2)
  expect(outcome.output).toContain('manifest unknown')
  expect(outcome.output).not.toContain('authentication required')
})

it('INS-22: the right user sees the image', async () => {
  const { code, output } = await inspect('--creds=testuser:testpassword', `docker://${guarded.host}/busybox:mine`)
  expect(code).toBe(0)
  expect(output).toContain(`${guarded.host}/busybox`)
})

describe('the same image in a registry and in a directory', () => {
  let remote: Record<string, unknown>
  let local: Record<string, unknown>
  beforeAll(async () => {
    await user.succeed(['copy', '-q', '--src-tls-verify=false', `docker://${open.host}/app:one`, 'dir:d'])
    remote = JSON.parse((await inspect(`docker://${open.host}/app:one`)).stdout) as typeof remote
    local = JSON.parse((await inspect('dir:d')).stdout) as typeof local
  })

  it('INS-07: is shown as JSON', () => {
    expect(remote).toMatchObject({ Name: `${open.host}/app`, RepoTags: ['one', 'two'] })
  })

  it('INS-08: has its files as layers', async () => {
    const manifest = parseManifest(image.root)
    const configHex = manifest.kind === 'image' ? digestHex(manifest.config.digest) : ''
    const files = (await readdir(join(user.home, 'd'))).filter((name) => name.length === 64 && name !== configHex)
    expect(files.map((hex) => `sha256:${hex}`).sort()).toEqual([...(local['Layers'] as string[])].sort())
  })

  it('INS-09: is shown raw', async () => {
    const { code, stdout } = await inspect('--raw', 'dir:d')
    expect({ code, stdout }).toEqual({ code: 0, stdout: Buffer.from(image.root.bytes).toString() })
  })

  it('INS-10: is the same', () => {
    for (const key of ['Architecture', 'Created', 'Digest', 'DockerVersion', 'Labels', 'Layers', 'Os']) {
      expect(local[key]).toEqual(remote[key])
    }
  })
})

describe('a list for another machine', () => {
  it('INS-13: has no image for this one', async () => {
    const outcome = await inspect(`docker://${open.host}/amiga:1`)
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toContain(
      'parsing manifest for image: choosing image instance: no image found in manifest list for architecture "',
    )
  })

  it('INS-14, INS-15: is shown raw', async () => {
    const { code, stdout } = await inspect('--raw', `docker://${open.host}/amiga:1`)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      manifests: [{ platform: { os: 'amigaos', variant: '1000', architecture: 'mc68000' } }],
    })
  })
})

describe('an image that says much of itself', () => {
  let shown: unknown
  beforeAll(async () => {
    const talkative = imageWithConfig({
      created: '2026-01-02T03:04:05.678901234Z',
      docker_version: '27.1.2',
      config: { Env: ['PATH=/bin', 'A=b=c'], Labels: { version: '8.1' } },
    })
    await writeToLayout(talkative, join(user.home, 'images'), 'talkative')
    await push('talkative', open, 'talkative:1')
    shown = JSON.parse((await inspect(`docker://${open.host}/talkative:1`)).stdout)
  })

  it('INS-11: looks as it should', () => {
    expect(shown).toMatchObject({
      Created: '2026-01-02T03:04:05.678901234Z',
      Digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      DockerVersion: '27.1.2',
      Labels: { version: '8.1' },
      Layers: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
      Os: 'linux',
      Architecture: 'amd64',
    })
  })

  it('INS-12: has its environment', () => {
    expect(shown).toMatchObject({ Env: ['PATH=/bin', 'A=b=c'] })
  })
})

it('INS-16: --no-tags leaves the tags out', async () => {
  const { code, stdout } = await inspect('--no-tags', `docker://${open.host}/app:one`)
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ RepoTags: [] })
})

it('INS-23: a deleted image is gone', async () => {
  await push('v1', open, 'gone:1')
  expect((await user.run(['delete', '--tls-verify=false', `docker://${open.host}/gone:1`])).code).toBe(0)
  expect((await inspect(`docker://${open.host}/gone:1`)).code).toBe(2)
})
