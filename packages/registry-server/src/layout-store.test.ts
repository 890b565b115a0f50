import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf, encodeJson, mediaTypes, rawManifest, type RawManifest } from '@transload/contract'
import { DirectoryTree, OciLayout, withManifest } from '@transload/formats'
import { expect, test } from 'vitest'

import { repositoryClient } from './client.test.kit.ts'
import { temporaryDirectory, temporaryRegistry } from './registry.test.kit.ts'
import { startRegistryServer } from './server.ts'

/** Writes an image into a layout as another program would, under a ref.name if one is given. */
async function writeImage(layout: OciLayout, seed: string, refName?: string): Promise<RawManifest> {
  const config = Buffer.from(encodeJson({ seed }))
  await layout.writeBlob(config, () => digestOf(config))
  const descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length }
  const manifest = rawManifest(Buffer.from(encodeJson({ schemaVersion: 2, config: descriptor, layers: [] })))
  await layout.writeBlob(manifest.bytes, () => manifest.digest)
  await using locked = await layout.lockIndex()
  await locked.write(withManifest(locked.index, { ...manifest, size: manifest.bytes.length }, refName))
  return manifest
}

test('a layout somebody else made is served as it is', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const layout = new OciLayout(new DirectoryTree(directory))
  const named = await writeImage(layout, 'named', 'team/app:v1')
  const bare = await writeImage(layout, 'bare', 'v1')
  const unnamed = await writeImage(layout, 'unnamed')
  await using server = await startRegistryServer({ directory, defaultRepository: 'main' })
  const digestAt = async (path: string): Promise<string | null> =>
    (await fetch(`${server.url}/v2/${path}`, { method: 'HEAD' })).headers.get('docker-content-digest')
  expect(await digestAt('team/app/manifests/v1')).toBe(named.digest)
  expect(await digestAt('main/manifests/v1')).toBe(bare.digest)
  expect(await digestAt(`main/manifests/${unnamed.digest}`)).toBe(unnamed.digest)
  expect(await (await fetch(`${server.url}/v2/_catalog`)).json()).toEqual({ repositories: ['main', 'team/app'] })
})

test('the default repository is named after the directory', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const layout = new OciLayout(new DirectoryTree(join(directory, 'Images')))
  await writeImage(layout, 'bare', 'v1')
  await using server = await startRegistryServer({ directory: layout.tree.root })
  expect((await fetch(`${server.url}/v2/images/manifests/v1`)).status).toBe(200)
})

test('what is pushed can be read in the layout', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  const { digest } = await repositoryClient(server.url, 'team/app').pushImage('v1', 'one')
  const index = await new OciLayout(new DirectoryTree(directory)).readIndex()
  expect(index.manifests).toEqual([
    {
      mediaType: mediaTypes.ociManifest,
      digest,
      size: expect.any(Number),
      annotations: { 'org.opencontainers.image.ref.name': 'team/app:v1', 'io.transload.repository': 'team/app' },
    },
  ])
})

test('what another writer does meanwhile is seen, and nobody loses anything', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  const client = repositoryClient(server.url, 'team/app')
  const layout = new OciLayout(new DirectoryTree(directory))
  await client.pushImage('v0', 'zero')
  await Promise.all([
    ...Array.from({ length: 10 }, (_, index) => client.pushImage(`a${index}`, `a${index}`)),
    (async () => {
      for (let index = 0; index < 10; index++) await writeImage(layout, `b${index}`, `team/app:b${index}`)
    })(),
  ])
  const { tags } = (await (await client.request('GET', 'tags/list')).json()) as { tags: string[] }
  expect(tags).toHaveLength(21)
  expect((await client.request('GET', 'manifests/b7')).status).toBe(200)
})

test('a child that arrives later is found', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  const client = repositoryClient(server.url, 'team/app')
  const layout = new OciLayout(new DirectoryTree(directory))
  const child = rawManifest(Buffer.from(encodeJson({ schemaVersion: 2, config: {}, layers: [] })))
  const digest = digestOf(child.bytes)
  const manifests = [{ mediaType: mediaTypes.ociManifest, digest, size: child.bytes.length }]
  await client.putManifest('v1', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex)
  expect((await client.request('HEAD', `manifests/${digest}`)).status).toBe(404)
  const written = await writeImage(layout, 'child', 'team/app:child')
  expect((await client.request('HEAD', `manifests/${written.digest}`)).status).toBe(200)
})

test('while index.json is not whole, what it said before counts', async () => {
  const warnings: string[] = []
  await using server = await temporaryRegistry({
    log: (level, message) => {
      if (level === 'warn') warnings.push(message)
    },
  })
  const { directory } = server
  const client = repositoryClient(server.url, 'team/app')
  await client.pushImage('v1', 'one')
  const path = join(directory, 'index.json')
  const whole = await readFile(path)
  await writeFile(path, whole.subarray(0, 20))
  expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
  expect((await client.pushImage('v2', 'two')).response.status).toBe(500)
  expect(warnings.at(-1)).toBe(`PUT /v2/team/app/manifests/v2: ${path} is not valid JSON`)
  await writeFile(path, whole)
  expect((await client.pushImage('v2', 'two')).response.status).toBe(201)
  await using fresh = await startRegistryServer({ directory })
  await writeFile(path, whole.subarray(0, 20))
  expect((await repositoryClient(fresh.url, 'team/app').request('GET', 'manifests/v1')).status).toBe(500)
})
