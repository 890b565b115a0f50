import { mkdir, writeFile } from 'node:fs/promises'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { createPodmanStore, type PodmanStore } from './podman-store.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'podman', 'crane', 'oras')

const image = 'example.com/app:v1'
const other = 'example.com/other:v2'

let site: Site
let podman: PodmanStore
let remote = ''
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  podman = createPodmanStore(site)
  remote = `${site.registries.docker}/app:v1`
  for (const [from, name] of [
    ['small', image],
    ['repeated', other],
  ] as const) {
    const archive = `oci-archive:${site.newPath()}:${name}`
    await succeeding(site.skopeo.copy([], testImage(from), archive))
    await podman('load', '--quiet', '--input', archive.split(':')[1]!)
  }
  await succeeding(site.skopeo.copy([], testImage('small'), `docker://${remote}`))
  await succeeding(site.skopeo.copy(['--all'], testImage('index-oci'), `docker://${site.registries.docker}/index:v1`))
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

interface Writer {
  readonly name: string
  /** Writes to a path where nothing is, and resolves to what to read there. */
  readonly write: (path: string) => Promise<string>
  readonly flags?: readonly string[]
}

const writers: readonly Writer[] = [
  { name: 'podman save --format docker-archive', write: (path) => savedByPodman('docker-archive', path) },
  { name: 'podman save --format oci-archive', write: (path) => savedByPodman('oci-archive', path) },
  { name: 'podman save --format oci-dir', write: (path) => savedByPodman('oci-dir', path) },
  { name: 'podman save --format docker-dir', write: (path) => savedByPodman('docker-dir', path) },
  {
    name: 'podman save --multi-image-archive, by name',
    async write(path) {
      await podman('save', '--quiet', '--multi-image-archive', '--output', path, image, other)
      return `docker-archive:${path}:${other}`
    },
  },
  {
    name: 'podman save --multi-image-archive, by position',
    async write(path) {
      await podman('save', '--quiet', '--multi-image-archive', '--output', path, image, other)
      return `docker-archive:${path}:@0`
    },
  },
  { name: 'crane pull --format tarball', write: (path) => pulledByCrane('tarball', path) },
  { name: 'crane pull --format legacy', write: (path) => pulledByCrane('legacy', path) },
  { name: 'crane pull --format oci', write: (path) => pulledByCrane('oci', path) },
  {
    name: 'oras copy to a layout',
    async write(path) {
      await peer('oras').output(['copy', '--from-plain-http', '--to-oci-layout', remote, `${path}:v1`])
      return `oci:${path}:v1`
    },
  },
  {
    name: 'oras copy of an index to a layout',
    flags: ['--all'],
    async write(path) {
      const from = `${site.registries.docker}/index:v1`
      await peer('oras').output(['copy', '--from-plain-http', '--to-oci-layout', from, `${path}:v1`])
      return `oci:${path}:v1`
    },
  },
  {
    name: 'oras push of an artifact to a registry',
    async write(path) {
      await mkdir(path)
      await writeFile(`${path}/notes.txt`, 'an artifact is not an image\n')
      const name = `${site.registries.docker}/artifact:v1`
      const words = ['push', '--plain-http', '--artifact-type', 'application/vnd.example.notes', name]
      await peer('oras').output([...words, 'notes.txt:text/plain'], { cwd: path })
      return `docker://${name}`
    },
  },
  {
    name: 'podman push to a registry',
    async write() {
      const name = `${site.registries.docker}/podman:v1`
      await podman('push', '--quiet', '--tls-verify=false', image, name)
      return `docker://${name}`
    },
  },
  {
    name: 'crane push to a registry',
    async write(path) {
      const archive = await pulledByCrane('tarball', path)
      const name = `${site.registries.docker}/crane:v1`
      await peer('crane').output(['push', '--insecure', archive.split(':')[1]!, name])
      return `docker://${name}`
    },
  },
]

describe.skipIf(missing)(`transload reads what other tools write ${missing ?? ''}`, () => {
  test.each(writers)('$name', async ({ write, flags = [] }) => {
    const written = await write(site.newPath())
    expect(await readWith(site.transload, flags, written)).toEqual(await readWith(site.skopeo, flags, written))
    const ours = await site.transload.inspect([], written)
    const theirs = await site.skopeo.inspect([], written)
    expect([ours.code, ours.stdout]).toEqual([theirs.code, theirs.stdout])
  })
})

async function savedByPodman(format: string, path: string): Promise<string> {
  await podman('save', '--quiet', '--format', format, '--output', path, image)
  const schemes: Readonly<Record<string, string>> = { 'docker-dir': 'dir', 'oci-dir': 'oci' }
  return `${schemes[format] ?? format}:${path}`
}

async function pulledByCrane(format: string, path: string): Promise<string> {
  await peer('crane').output(['pull', '--insecure', '--format', format, remote, path])
  return `${format === 'oci' ? 'oci' : 'docker-archive'}:${path}`
}

async function readWith(
  mover: Mover,
  flags: readonly string[],
  from: string,
): Promise<Readonly<Record<string, string>>> {
  const directory = site.newPath()
  await succeeding(mover.copy(flags, from, `dir:${directory}`))
  return await readTree(directory)
}
