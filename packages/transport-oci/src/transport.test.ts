import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestHex, mediaTypes, type ImageDestination, type ImageSource, type OpenOptions } from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import ociTransport from './index.ts'

const openOptions: OpenOptions = {
  cache: {
    locations: async () => [],
    rememberLocation: async () => {},
    uncompressed: async () => undefined,
    rememberUncompressed: async () => {},
  },
  tempDirectory: '/nonexistent',
  log: () => {},
}
const base = fixtureLayer('base')
const one = fixtureImage({ layers: [base, fixtureLayer('one')], label: 'one' })
const two = fixtureImage({ layers: [base, fixtureLayer('two')], label: 'two' })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp('/tmp/transport-oci-test-')
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

describe('writing', () => {
  it('moves a name from one image to the next, which leaves the first without', async () => {
    await store(one, 'layout:v1')
    await store(two, 'layout:v1')
    expect((await readIndex()).manifests).toEqual([
      { mediaType: mediaTypes.ociManifest, digest: one.root.digest, size: one.root.bytes.length },
      {
        mediaType: mediaTypes.ociManifest,
        digest: two.root.digest,
        size: two.root.bytes.length,
        annotations: { 'org.opencontainers.image.ref.name': 'v1' },
      },
    ])
    await store(one, 'layout:v2')
    expect((await readIndex()).manifests).toHaveLength(2)
  })

  it('lists a digest under each of its names, and an unnamed one once', async () => {
    for (const text of ['layout:v1', 'layout:v2', 'layout', 'layout']) await store(one, text)
    expect((await readIndex()).manifests).toHaveLength(3)
    expect(await tagsOf('layout')).toEqual(['v1', 'v2'])
  })

  it('keeps what it does not know of an index that is there', async () => {
    await store(one, 'layout')
    const index = await readIndex()
    const platform = { os: 'linux', architecture: 'amd64', 'os.version': '1' }
    Object.assign(index.manifests[0]!, { platform, data: 'AA==' })
    await writeFile(
      join(directory, 'layout/index.json'),
      JSON.stringify({ ...index, subject: 'x', mediaType: undefined }),
    )
    await store(two, 'layout:two')
    expect(await readIndex()).toMatchObject({ subject: 'x', manifests: [{ platform, data: 'AA==' }, {}] })
    expect(await readIndex()).not.toHaveProperty('mediaType')
  })

  it('stores of an index only itself in index.json', async () => {
    const index = fixtureIndex()
    await store(index, 'layout:all')
    expect((await readIndex()).manifests).toMatchObject([{ digest: index.root.digest, mediaType: mediaTypes.ociIndex }])
    await using source = await openSource('layout:all')
    expect(await source.readManifest(index.children[1]!.digest)).toEqual(index.children[1])
  })

  it('puts blobs into the shared directory when there is one', async () => {
    const options = { sharedBlobDirectory: join(directory, 'shared') }
    await store(one, 'layout:v1', options)
    expect(await readdir(join(directory, 'layout/blobs'))).toEqual([])
    expect(await readdir(join(directory, 'shared/sha256'))).toContain(digestHex(one.root.digest))
    await using source = await openSource('layout:v1', options)
    expect(await source.readManifest(undefined)).toEqual(one.root)
    await expect(readRoot('layout:v1')).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
  })

  it('clones a blob that lies on the same disk, whatever mode it has', async () => {
    await store(one, 'layout:v1')
    const [blob] = one.blobs
    await using source = await openSource('layout:v1')
    const file = await source.blobFile!(blob!.descriptor)
    await using destination = await openDestination('other:v1')
    await destination.writeBlob({
      role: blob!.role,
      ...blob!.descriptor,
      body: blob!.open(),
      file,
      written: () => blob!.descriptor,
    })
    expect(await readFile(join(directory, 'other/blobs/sha256', digestHex(blob!.descriptor.digest)))).toEqual(
      await readFile(file!),
    )
  })

  it('neither reuses a blob that was cut off nor commits without one that was removed', async () => {
    await store(one, 'layout:v1')
    const [blob, other] = one.blobs.map(({ descriptor }) => descriptor)
    await using destination = await openDestination('layout:v2')
    const reuse = { from: destination.reference, substitutes: false }
    await truncate(join(directory, 'layout/blobs/sha256', digestHex(other!.digest)), 1)
    expect(await destination.reuseBlob!(other!, reuse)).toBeUndefined()
    expect(await destination.reuseBlob!(blob!, reuse)).toEqual(blob)
    await destination.writeManifest(two.root, { root: true })
    await unlink(join(directory, 'layout/blobs/sha256', digestHex(blob!.digest)))
    await expect(destination.commit()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(await tagsOf('layout')).toEqual(['v1'])
  })

  it('refuses a position, a file, and a directory whose index is not one', async () => {
    await expect(openDestination('layout:@1')).rejects.toMatchObject({
      code: 'REFERENCE_INVALID',
      message: 'Destination reference must not contain a manifest index @1',
    })
    await writeFile(join(directory, 'file'), '')
    await expect(openDestination('file:v1')).rejects.toMatchObject({ code: 'ENOTDIR' })
    await mkdir(join(directory, 'layout'))
    await writeFile(join(directory, 'layout/index.json'), '[]')
    await expect(openDestination('layout')).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
  })
})

describe('reading', () => {
  it('says what is missing as skopeo does', async () => {
    await expect(openSource('absent:v1')).rejects.toMatchObject({
      code: 'IO',
      message: `open ${directory}/absent/index.json: no such file or directory`,
    })
    await expect(openSource('no/parent:v1')).rejects.toMatchObject({
      code: 'IO',
      message: `lstat ${directory}/no: no such file or directory`,
    })
  })

  it('finds an image by its digest, also below an index', async () => {
    const index = fixtureIndex()
    await store(index, 'layout:all')
    for (const { digest, bytes } of [index.root, ...index.children]) {
      await using source = await openSource(`layout:@${digest}`)
      expect((await source.readManifest(undefined)).bytes).toEqual(bytes)
    }
    const absent = `sha256:${'0'.repeat(64)}`
    await expect(openSource(`layout:@${absent}`)).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: `no descriptor found for digest ${absent}`,
    })
    await expect(openDestination(`layout:@${absent}`)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
  })

  it('finds out about a manifest that is not what the index says', async () => {
    await store(one, 'layout:v1')
    await writeFile(join(directory, 'layout/blobs/sha256', digestHex(one.root.digest)), two.root.bytes)
    await expect(readRoot('layout:v1')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it('names its place by the real path', async () => {
    await store(one, 'layout:v1')
    await symlink('layout', join(directory, 'link'))
    await using source = await openSource('link:v1')
    expect(source.reference.text).toBe('link:v1')
    expect(source.reference.policyScopes[0]).toBe(join(directory, 'layout'))
  })
})

describe('removing', () => {
  it('removes the blobs that nothing else needs', async () => {
    const index = fixtureIndex()
    const layers = ['shared base', 'amd64'].map((content) => fixtureLayer(content))
    const child = fixtureImage({ layers, label: 'amd64' })
    expect(index.children).toContainEqual(child.root)
    await store(index, 'layout:all')
    await store(child, 'layout:child')
    await remove('layout:all')
    expect(await tagsOf('layout')).toEqual(['child'])
    const needed = [child.root.digest, ...child.blobs.map(({ descriptor }) => descriptor.digest)]
    expect(new Set(await readdir(join(directory, 'layout/blobs/sha256')))).toEqual(new Set(needed.map(digestHex)))
  })

  it('keeps everything while another name has the digest', async () => {
    await store(one, 'layout:a')
    await store(one, 'layout:b')
    await remove('layout:a')
    await using source = await openSource('layout:b')
    expect(await source.readManifest(undefined)).toEqual(one.root)
  })

  it('changes nothing when it cannot know what another entry needs', async () => {
    await store(one, 'layout:v1')
    const index = await readIndex()
    index.manifests.push({ ...index.manifests[0]!, mediaType: 'application/x-odd', annotations: {} })
    await writeFile(join(directory, 'layout/index.json'), JSON.stringify(index))
    await expect(remove('layout:v1')).rejects.toMatchObject({
      message: 'unsupported mediaType in index: "application/x-odd"',
    })
    expect(await tagsOf('layout')).toEqual(['v1'])
  })

  it('does not make a layout by looking for one', async () => {
    await expect(remove('absent:v1')).rejects.toMatchObject({ code: 'IO' })
    expect(await readdir(directory)).toEqual([])
  })

  it('leaves shared blobs alone', async () => {
    const options = { sharedBlobDirectory: join(directory, 'shared') }
    await store(one, 'layout:v1', options)
    const before = await readdir(join(directory, 'shared/sha256'))
    await remove('layout:v1', options)
    expect(await readdir(join(directory, 'shared/sha256'))).toEqual(before)
    expect(await tagsOf('layout')).toEqual([])
  })
})

describe('options', () => {
  it.each([
    [{ shared: 1 }],
    [{ sharedBlobDirectory: '' }],
    [{ acceptUncompressedLayers: 'yes' }],
    [{ readForeignLayer: 1 }],
  ])('refuses %j', (given) => {
    expect(() => ociTransport(given)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('takes layers as they are when told to', async () => {
    await using plain = await openDestination('layout')
    expect(plain.traits.layers).toBe('compressed')
    await using accepting = await openDestination('layout', { acceptUncompressedLayers: true })
    expect(accepting.traits.layers).toBe('as-is')
  })
})

type Options = Readonly<Record<string, unknown>>

async function openSource(text: string, options: Options = {}): Promise<ImageSource> {
  const transport = ociTransport(options)
  return await transport.openSource!(transport.parse(text, directory), openOptions)
}

async function openDestination(text: string, options: Options = {}): Promise<ImageDestination> {
  const transport = ociTransport(options)
  return await transport.openDestination!(transport.parse(text, directory), openOptions)
}

async function readRoot(text: string): Promise<unknown> {
  await using source = await openSource(text)
  return await source.readManifest(undefined)
}

async function store(image: FixtureImage, text: string, options: Options = {}): Promise<void> {
  await using destination = await openDestination(text, options)
  await storeImage(destination, image)
}

async function remove(text: string, options: Options = {}): Promise<void> {
  const transport = ociTransport(options)
  await transport.removeImage!(transport.parse(text, directory), openOptions)
}

async function tagsOf(text: string): Promise<readonly string[]> {
  const transport = ociTransport()
  return await Array.fromAsync(transport.listTags!(transport.parse(text, directory), openOptions))
}

interface WrittenIndex {
  readonly manifests: Record<string, unknown>[]
}

async function readIndex(): Promise<WrittenIndex> {
  return JSON.parse(await readFile(join(directory, 'layout/index.json'), 'utf8')) as WrittenIndex
}
