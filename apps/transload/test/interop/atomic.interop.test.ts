import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { requirePeers, startDockerRegistry, testImage, type DockerRegistry } from '@transload/peers'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { kubeconfigFor, startOpenShiftApi } from '../openshift-api.ts'
import { readTree } from '../read-tree.ts'
import { writeSchema1Image } from './schema1-image.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'gpg')

/** One cluster takes schema 1, and the other keeps signatures. */
interface Cluster extends AsyncDisposable {
  readonly registry: string
  readonly site: Site
}

const opened = new AsyncDisposableStack()
let folder: string
let old: Cluster
let keeping: Cluster

beforeAll(async () => {
  if (missing) return
  folder = await mkdtemp(join(tmpdir(), 'transload-atomic-'))
  opened.defer(() => rm(folder, { recursive: true }))
  const docker: DockerRegistry = opened.use(await startDockerRegistry({ schema1: true }))
  const server: RegistryServer = await startRegistryServer({ directory: join(folder, 'registry'), signatures: true })
  opened.defer(() => server.close())
  old = opened.use(await openCluster(docker.host, 'old'))
  keeping = opened.use(await openCluster(server.host, 'keeping'))
}, 60_000)
afterAll(() => opened.disposeAsync())

async function openCluster(registry: string, name: string): Promise<Cluster> {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startOpenShiftApi(registry))
  const kubeconfig = join(folder, name)
  await writeFile(kubeconfig, kubeconfigFor(api))
  const site = stack.use(await openSite({ KUBECONFIG: kubeconfig }))
  const owned = stack.move()
  return { registry, site, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A schema 1 manifest without what a copy under another name changes. */
async function namelessManifest(directory: string): Promise<unknown> {
  const text = await readFile(join(directory, 'manifest.json'), 'utf8')
  return { ...(JSON.parse(text) as object), name: '', tag: '', signatures: [] }
}

async function layersOf(directory: string): Promise<unknown> {
  const { 'manifest.json': _, ...files } = await readTree(directory)
  return files
}

describe.skipIf(missing)(`atomic: ${missing ?? ''}`, () => {
  test('CPY-30, CPY-35: a schema 1 image stays the same but for its name', async () => {
    const { site, registry } = old
    const [made, first, second, third] = [site.newPath(), site.newPath(), site.newPath(), site.newPath()]
    await writeSchema1Image(made, { dockerVersion: '1.10.0' })
    const copy = (from: string, to: string): Promise<unknown> => succeeding(site.transload.copy([], from, to))
    await succeeding(site.transload.copy(['--format', 'v2s1'], `dir:${made}`, `docker://${registry}/library/odd:old`))
    await copy(`docker://${registry}/library/odd:old`, `dir:${first}`)
    await copy(`dir:${first}`, `atomic:${registry}/team/odd:new`)
    await copy(`atomic:${registry}/team/odd:new`, `dir:${second}`)
    expect(JSON.parse(await readFile(join(second, 'manifest.json'), 'utf8'))).toMatchObject({
      name: 'team/odd',
      tag: 'new',
    })
    await copy(`docker://${registry}/library/odd:old`, `atomic:${registry}/team/streamed:new`)
    await copy(`atomic:${registry}/team/streamed:new`, `dir:${third}`)
    for (const copied of [second, third]) {
      expect(await namelessManifest(copied)).toEqual(await namelessManifest(first))
      expect(await layersOf(copied)).toEqual(await layersOf(first))
    }
  })

  test.each([
    ['docker://', 'v2s1'],
    ['docker://', 'v2s2'],
    ['atomic:', 'v2s1'],
    ['atomic:', 'v2s2'],
  ])('CPY-47: what is not compressed becomes so on its way to %s, in %s', async (scheme, format) => {
    const { site, registry } = old
    const [made, pulled] = [site.newPath(), site.newPath()]
    await writeSchema1Image(made, { dockerVersion: '1.10.0', hasPlainLayer: true })
    let from = made
    if (format === 'v2s2') {
      from = site.newPath()
      await succeeding(site.transload.copy(['--format', 'v2s2', '--dest-decompress'], `dir:${made}`, `dir:${from}`))
    }
    const name = `${scheme}${registry}/team/plain-${format}:v1`
    await succeeding(site.transload.copy(['--format', format], `dir:${from}`, name))
    await succeeding(site.transload.copy([], name, `dir:${pulled}`))
    const plain = await largeBlobs(from)
    expect(plain.length).toBeGreaterThan(0)
    expect(await largeBlobs(pulled)).toEqual([])
    for (const blob of plain) expect(Object.keys(await readTree(pulled))).not.toContain(blob)
  })

  test.each(['transload', 'skopeo'] as const)(
    '%s stores an image with its signatures, the other reads both',
    async (writer) => {
      const { site, registry } = keeping
      const reader = writer === 'skopeo' ? 'transload' : 'skopeo'
      const signed = site.newPath()
      await succeeding(site.transload.copy([], testImage('base'), `dir:${signed}`))
      await writeFile(join(signed, 'signature-1'), Buffer.from([0x90, 1, 2, 3]))
      const name = `atomic:${registry}/team/${writer}:v1`
      for (const _again of [1, 2]) await succeeding(site[writer].copy([], `dir:${signed}`, name))
      const [one, other] = [site.newPath(), site.newPath()]
      await succeeding(site[reader].copy([], name, `dir:${one}`))
      await succeeding(site[writer].copy([], name, `dir:${other}`))
      expect(await readTree(one)).toEqual(await readTree(other))
      expect(await readTree(one)).toHaveProperty('signature-1')
      expect(await readTree(one)).not.toHaveProperty('signature-2')
    },
  )

  test.each(['foo', 'a.test/ns/stream', 'a.test/stream:1', 'a.test/ns/stream/more:1'])(
    'refuses %s as skopeo',
    async (text) => {
      const { site } = keeping
      const [ours, theirs] = await Promise.all(
        [site.transload, site.skopeo].map((mover) => mover.inspect([], `atomic:${text}`)),
      )
      const problem = /invalid image reference.*'hostname\/namespace\/stream:tag'/
      expect(problem.exec(ours!.stderr)?.[0]).toBe(problem.exec(theirs!.stderr)?.[0] ?? 'refused')
    },
  )
})

/** Blobs as large as nothing that is compressed is here. */
async function largeBlobs(directory: string): Promise<readonly string[]> {
  const blobs = Object.keys(await readTree(directory)).filter((name) => /^[0-9a-f]{64}$/.test(name))
  const sizes = await Promise.all(blobs.map(async (name) => (await stat(join(directory, name))).size))
  return blobs.filter((_, index) => sizes[index]! >= 2048)
}
