import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { collect, digestHex, digestOf, encodeJson } from '@transload/contract'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { readSavedImageContent } from './saved-image-content.ts'
import { chooseSavedImage, readSavedImages, type SavedImage } from './saved-image.ts'
import { TarTree } from './tar-tree.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

/** Texts that begin with `->` are symbolic links. */
async function openArchive(files: Readonly<Record<string, string | Uint8Array>>): Promise<TarTree> {
  const tar = pack()
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string' && content.startsWith('->')) {
      tar.entry({ name, type: 'symlink', linkname: content.slice(2) })
    } else tar.entry({ name }, content)
  }
  tar.finalize()
  const path = join(root, 'test.tar')
  await writeFile(path, tar as AsyncIterable<Uint8Array>)
  return await TarTree.open(path, { tempDirectory: root })
}

const one = Buffer.from('the first layer')
const two = Buffer.from('the second layer, which is longer')
const config = encodeJson({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(one), digestOf(two)] } })

function listOf(...items: readonly unknown[]): string {
  return encodeJson(items)
}

async function readOnly(tree: TarTree): Promise<SavedImage> {
  return chooseSavedImage(await readSavedImages(tree), {})
}

describe('readSavedImages and chooseSavedImage', () => {
  const item = { Config: 'c.json', Layers: [] }
  const list = listOf(
    { ...item, RepoTags: ['busybox:1', 'docker.io/library/busybox:2'] },
    { ...item, RepoTags: ['quay.io/a/b:1'] },
    { ...item, RepoTags: null },
  )

  it.each([
    [{ tag: 'docker.io/library/busybox:1' }, 0],
    [{ tag: 'docker.io/library/busybox:2' }, 0],
    [{ tag: 'quay.io/a/b:1' }, 1],
    [{ index: 2 }, 2],
  ])('find the image meant by %j', async (choice, position) => {
    await using tree = await openArchive({ 'manifest.json': list })
    const images = await readSavedImages(tree)
    expect(chooseSavedImage(images, choice)).toBe(images[position])
  })

  it.each([
    [{ tag: 'docker.io/library/x:1' }, 'MANIFEST_UNKNOWN', 'Tag "docker.io/library/x:1" not found'],
    [{ index: 3 }, 'REFERENCE_INVALID', 'Invalid source index @3, only 3 manifest items available'],
    [{}, 'REFERENCE_INVALID', 'Unexpected tar manifest.json: expected 1 item, got 3'],
  ])('do not find %j', async (choice, code, message) => {
    await using tree = await openArchive({ 'manifest.json': list })
    const images = await readSavedImages(tree)
    expect(() => chooseSavedImage(images, choice)).toThrow(expect.objectContaining({ code, message }))
  })

  it.each([
    ['no list', {}, 'loading tar component "manifest.json": file does not exist'],
    ['no JSON', { 'manifest.json': '[' }, 'decoding tar manifest.json: not valid JSON'],
    ['no array', { 'manifest.json': '{}' }, 'decoding tar manifest.json: not a list'],
    ['an odd item', { 'manifest.json': '[7]' }, 'decoding tar manifest.json: item @0 is not one of an image'],
    [
      'a path that leaves it',
      { 'manifest.json': listOf({ Config: 'c', Layers: ['../../etc/passwd'] }) },
      'decoding tar manifest.json: "../../etc/passwd" is not a path inside it',
    ],
  ])('refuse an archive with %s', async (_, files, message) => {
    await using tree = await openArchive(files)
    await expect(readSavedImages(tree)).rejects.toMatchObject({ code: 'MANIFEST_INVALID', message })
  })

  it('refuse a name that is none, when a name is looked for', async () => {
    await using tree = await openArchive({ 'manifest.json': listOf({ ...item, RepoTags: ['UPPER:1'] }) })
    const images = await readSavedImages(tree)
    expect(() => chooseSavedImage(images, { tag: 'docker.io/library/x:1' })).toThrow(
      'Invalid tag "UPPER:1" in manifest.json item @0',
    )
  })
})

describe('readSavedImageContent', () => {
  it('makes the manifest skopeo makes, of plain, compressed and linked layers alike', async () => {
    const [first, second] = ['a/layer.tar', './b.tar.gz']
    const list = listOf({ Config: 'blobs/config', RepoTags: [], Layers: [first, second] })
    await using tree = await openArchive({
      'one.tar': one,
      'a/layer.tar': '->../one.tar',
      'b.tar.gz': gzipSync(two),
      'blobs/config': config,
      'manifest.json': list,
    })
    const content = await readSavedImageContent(tree, await readOnly(tree))
    const gzipType = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    expect(Buffer.from(content.manifest.bytes).toString()).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",' +
        `"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":${config.length},"digest":"${digestOf(Buffer.from(config))}"},` +
        `"layers":[{"mediaType":"${gzipType}","size":15,"digest":"${digestOf(one)}"},` +
        `{"mediaType":"${gzipType}","size":33,"digest":"${digestOf(two)}"}]}`,
    )
    expect(content.layers.map(({ mediaType }) => mediaType)).toEqual(
      Array(2).fill('application/vnd.docker.image.rootfs.diff.tar'),
    )
    for (const layer of [one, two]) {
      expect(Buffer.from(await collect(content.readLayer(digestOf(layer)))).equals(layer)).toBe(true)
    }
    await expect(collect(content.readLayer(digestOf(Buffer.from('other'))))).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    })
  })

  it.each([
    ['layers the config does not have', config, ['1'], 'Inconsistent layer count: 1 in manifest, 2 in config'],
    ['one file for two layers', config, ['1', './1'], 'Layer tarfile 1 used for two different DiffID values'],
    ['a missing layer', config, ['1', '3'], 'Some layer tarfiles are missing in the tarball: "3"'],
    ['a config without rootfs', '{}', [], expect.stringContaining('Invalid image config (rootFS is not set)')],
    ['a config that is no JSON', '-', [], 'image config is not valid JSON'],
  ])('refuses %s', async (_, configText, layers, message) => {
    const list = listOf({ Config: 'c', Layers: layers })
    await using tree = await openArchive({ 'manifest.json': list, c: configText, 1: one, 2: two })
    const image = await readOnly(tree)
    await expect(readSavedImageContent(tree, image)).rejects.toMatchObject({ code: 'MANIFEST_INVALID', message })
  })
})

describe('an archive of before Docker 1.10', () => {
  const [base, top] = ['a'.repeat(64), 'b'.repeat(64)] as const
  const files = {
    repositories: encodeJson({ busybox: { latest: top, old: base, '1': top } }),
    [`${base}/json`]: encodeJson({
      id: base,
      created: '2014-01-01T00:00:00Z',
      container_config: { Cmd: ['/bin/sh', '-c'] },
    }),
    [`${base}/layer.tar`]: one,
    [`${top}/json`]: encodeJson({
      id: top,
      parent: base,
      created: '2014-01-02T00:00:00Z',
      os: 'linux',
      architecture: 'amd64',
      config: { Cmd: ['sh'] },
      Size: 5,
    }),
    [`${top}/layer.tar`]: gzipSync(two),
  }

  it('gets the config Docker gave such images', async () => {
    await using tree = await openArchive(files)
    const images = await readSavedImages(tree)
    expect(images.map(({ repoTags }) => repoTags)).toEqual([['busybox:1', 'busybox:latest'], ['busybox:old']])
    const image = chooseSavedImage(images, { tag: 'docker.io/library/busybox:latest' })
    const content = await readSavedImageContent(tree, image)
    expect(Buffer.from(content.config).toString()).toBe(
      '{"architecture":"amd64","config":{"Cmd":["sh"]},"created":"2014-01-02T00:00:00Z",' +
        '"history":[{"created":"2014-01-01T00:00:00Z","created_by":"/bin/sh -c"},{"created":"2014-01-02T00:00:00Z"}],' +
        `"os":"linux","rootfs":{"type":"layers","diff_ids":["${digestOf(one)}","${digestOf(two)}"]}}`,
    )
    expect(content.layers.map(({ digest, size }) => [digest, size])).toEqual([
      [digestOf(one), 15],
      [digestOf(two), 33],
    ])
  })

  it.each([
    ['a layer that is its own parent', { [`${top}/json`]: encodeJson({ parent: top }) }, 'more than 1000 layers'],
    ['an ID that is a path', { repositories: '{"a":{"b":"../x"}}' }, 'not 64 hexadecimal digits'],
    ['a missing parent', { [`${top}/json`]: encodeJson({ parent: digestHex(digestOf(one)) }) }, 'file does not exist'],
  ])('is refused with %s', async (_, changed, message) => {
    await using tree = await openArchive({ ...files, ...changed })
    await expect(readSavedImages(tree)).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining(message),
    })
  })
})
