import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'

import { collect, digestOf, parseManifest, type ImageSource, type Transport } from '@transload/contract'
import { emptyCache, tarArchive } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { TarballReference } from './reference.ts'
import tarballTransport from './transport.ts'

const tar = tarArchive({ 'etc/motd': 'hello' })
const gzipped = gzipSync(tar)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transload-tarball-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function writeAged(name: string, bytes: Uint8Array, seconds: number): Promise<void> {
  await writeFile(join(directory, name), bytes)
  await utimes(join(directory, name), seconds, seconds)
}

async function open(text: string, transport: Transport<TarballReference> = tarballTransport()): Promise<ImageSource> {
  const reference = transport.parse(text, directory)
  return await transport.openSource!(reference, { cache: emptyCache(), tempDirectory: directory, log: () => undefined })
}

async function readConfig(source: ImageSource): Promise<string> {
  const manifest = parseManifest(await source.readManifest(undefined))
  if (manifest.kind !== 'image') throw new Error('not an image')
  return Buffer.from(await collect(source.readBlob(manifest.config))).toString()
}

it('makes the config and the manifest that skopeo makes', async () => {
  await writeAged('base.tar', tar, 1_600_000_000)
  await writeAged('top.tgz', gzipped, 1_700_000_000.5)
  await using source = await open(
    'base.tar:top.tgz',
    tarballTransport({ platform: { os: 'linux', architecture: 'arm64' } }),
  )
  const diffId = digestOf(tar)
  const added = `/bin/sh -c #(nop) ADD file:${diffId.slice('sha256:'.length)} in /`
  expect(await readConfig(source)).toBe(
    `{"created":"2023-11-14T22:13:20.5Z","architecture":"arm64","os":"linux","config":{},` +
      `"rootfs":{"type":"layers","diff_ids":["${diffId}","${diffId}"]},` +
      `"history":[{"created":"2020-09-13T12:26:40Z","created_by":"${added}","comment":"imported from tarball"},` +
      `{"created":"2023-11-14T22:13:20.5Z","created_by":"${added}","comment":"imported from tarball"}]}`,
  )
  const config = await readConfig(source)
  const { bytes } = await source.readManifest(undefined)
  expect(Buffer.from(bytes).toString()).toBe(
    `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
      `"config":{"mediaType":"application/vnd.oci.image.config.v1+json",` +
      `"digest":"${digestOf(Buffer.from(config))}","size":${config.length}},"layers":[` +
      `{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"${diffId}","size":${tar.length}},` +
      `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"${digestOf(gzipped)}","size":${gzipped.length}}]}`,
  )
})

it.each([
  ['none', tar, 'application/vnd.oci.image.layer.v1.tar'],
  ['gzip', gzipped, 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['zstd', zstdCompressSync(tar), 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ['nothing at all', Buffer.alloc(0), 'application/vnd.oci.image.layer.v1.tar'],
])('gives the layer back as it is: %s', async (_, bytes, mediaType) => {
  await writeFile(join(directory, 'layer'), bytes)
  await using source = await open('layer')
  const manifest = parseManifest(await source.readManifest(undefined))
  expect(manifest).toMatchObject({ layers: [{ mediaType, digest: digestOf(bytes), size: bytes.length }] })
  const layer = { mediaType, digest: digestOf(bytes), size: bytes.length }
  expect(digestOf(await collect(source.readBlob(layer)))).toBe(layer.digest)
  expect(await source.blobFile!(layer)).toBe(join(directory, 'layer'))
})

async function* input(): AsyncGenerator<Uint8Array> {
  yield gzipped.subarray(0, 10)
  yield gzipped.subarray(10)
}

describe('the standard input', () => {
  it('is a layer, and leaves nothing behind', async () => {
    const transport = tarballTransport({ standardInput: input() })
    const source = await open('-', transport)
    const layer = { mediaType: '', digest: digestOf(gzipped), size: gzipped.length }
    for (let time = 0; time < 2; time += 1) expect(await collect(source.readBlob(layer))).toEqual(gzipped)
    expect(await readConfig(source)).toContain(digestOf(tar))
    await source[Symbol.asyncDispose]()
    expect(await readdir(directory)).toEqual([])
    await expect(open('-', transport)).rejects.toThrow('the standard input has been read already')
  })

  it('is not there for everybody', async () => {
    await expect(open('-')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

it('says that there is no such file', async () => {
  await expect(open('absent.tar')).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
    message: expect.stringMatching(/^error opening ".*absent.tar": open .*: no such file or directory$/),
  })
})

it.each([
  ['.', 'is a directory'],
  ['cut.gz', 'damaged gzip data'],
])('fails to open %s', async (name, problem) => {
  await writeFile(join(directory, 'cut.gz'), gzipped.subarray(0, 30))
  await expect(open(name)).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining(problem) })
})

it.each([
  ['', 'error opening "": open : no such file or directory'],
  ['a.tar:', 'error opening "": open : no such file or directory'],
  ['-:-', 'the standard input can be one layer only'],
  ['a\0b', 'a path contains a NUL character'],
])('refuses the reference %j', (text, message) => {
  expect(() => tarballTransport().parse(text, '/')).toThrow(message)
})

it.each([
  [{ colour: 'red' }, 'there is no option "colour"'],
  [{ platform: 'linux' }, 'platform is not'],
  [{ standardInput: 'x' }, 'standardInput is not a stream'],
])('refuses the options %j', (options, message) => {
  expect(() => tarballTransport(options)).toThrow(message)
})

it('has no other manifests and blobs', async () => {
  await writeFile(join(directory, 'layer'), tar)
  await using source = await open('layer')
  await expect(source.readManifest(digestOf(tar))).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
  const absent = { mediaType: '', digest: digestOf(gzipped), size: 1 }
  await expect(collect(source.readBlob(absent))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
})

it('stops reading a layer when it is told to', async () => {
  const layer = Buffer.alloc(3 * 1024 * 1024)
  await writeFile(join(directory, 'layer'), layer)
  await using source = await open('layer:layer')
  const controller = new AbortController()
  const reading = (async () => {
    const blob = { mediaType: '', digest: digestOf(layer), size: layer.length }
    for await (const chunk of source.readBlob(blob, controller)) controller.abort(new Error(`after ${chunk.length}`))
  })()
  await expect(reading).rejects.toThrow('after ')
  expect(parseManifest(await source.readManifest(undefined))).toMatchObject({ layers: [{}, {}] })
})
