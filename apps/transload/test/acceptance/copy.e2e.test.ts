import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf, mediaTypes, rawManifest } from '@transload/contract'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage, fixtureIndex, fixtureLayer } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { readTree } from '../read-tree.ts'
import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const docker = fixtureImage({ format: 'docker', label: 'docker' })
const list = fixtureIndex('docker')

let user: User
let registry: RegistryServer
let count = 0
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  const images = join(user.home, 'images')
  await writeToLayout(docker, images, 'docker')
  await writeToLayout(list, images, 'list')
  await writeToLayout(fixtureIndex('oci'), images, 'oci-list')
  await writeToLayout(fixtureImage(), images, 'oci')
  await writeToLayout(fixtureImage({ layers: [fixtureLayer('x'.repeat(20_000), 'none')] }), images, 'uncompressed')
  for (const name of ['docker', 'list', 'oci-list', 'oci']) {
    await copy('--all', `oci:images:${name}`, inRegistry(name))
  }
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

/** The image in the registry. */
function inRegistry(name: string): string {
  return `docker://${registry.host}/${name}:latest`
}

/** A place of the transport that is not there yet. */
function fresh(transport: 'dir' | 'oci'): string {
  return `${transport}:${transport}${++count}${transport === 'oci' ? ':latest' : ''}`
}

function copy(...words: string[]): Promise<string> {
  return user.succeed(['copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...words])
}

async function copyFails(...words: string[]): ReturnType<User['run']> {
  const outcome = await user.run(['copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...words])
  expect(outcome.code).not.toBe(0)
  return outcome
}

function pathOf(place: string): string {
  return join(user.home, place.split(':')[1]!)
}

function treeOf(place: string): ReturnType<typeof readTree> {
  return readTree(pathOf(place))
}

async function manifestTypeOf(place: string): Promise<unknown> {
  const { mediaType } = JSON.parse(await readFile(join(pathOf(place), 'manifest.json'), 'utf8')) as {
    mediaType: unknown
  }
  return mediaType
}

it('CPY-01: an image to a directory', async () => {
  const to = fresh('dir')
  const stdout = await copy(inRegistry('docker'), to)
  expect(stdout).toContain('Getting image source signatures')
  expect(stdout).toContain('Writing manifest to image destination')
  expect(await readdir(pathOf(to))).toEqual(expect.arrayContaining(['manifest.json', 'version']))
})

it('CPY-02: a list, of which one image is taken', async () => {
  const to = fresh('dir')
  await copy('--retry-times', '3', inRegistry('list'), to)
  expect(await manifestTypeOf(to)).toBe(mediaTypes.dockerManifest)
})

it('CPY-03: a list as a whole', async () => {
  const to = fresh('dir')
  await copy('--retry-times', '3', '--all', inRegistry('list'), to)
  expect(await manifestTypeOf(to)).toBe(mediaTypes.dockerList)
})

it('CPY-04: a list through layouts and directories stays the same', async () => {
  const [oci1, dir1, oci2, dir2] = [fresh('oci'), fresh('dir'), fresh('oci'), fresh('dir')]
  await copy('--multi-arch=all', inRegistry('oci-list'), oci1)
  await copy('--multi-arch=all', oci1, dir1)
  await copy('--multi-arch=all', dir1, oci2)
  await copy('--multi-arch=all', oci2, dir2)
  expect(await treeOf(dir1)).toEqual(await treeOf(dir2))
  expect(await treeOf(oci1)).toEqual(await treeOf(oci2))
})

it('CPY-05: a list converted on the way in or on the way out is the same', async () => {
  const [oci1, dir1, dir2, oci2] = [fresh('oci'), fresh('dir'), fresh('dir'), fresh('oci')]
  await copy('--multi-arch=all', inRegistry('list'), oci1)
  await copy('--multi-arch=all', oci1, dir1)
  await copy('--multi-arch=all', '--format', 'oci', inRegistry('list'), dir2)
  await copy('--multi-arch=all', dir2, oci2)
  expect(await treeOf(dir1)).toEqual(await treeOf(dir2))
  expect(await treeOf(oci1)).toEqual(await treeOf(oci2))
})

it('CPY-06: the list alone', async () => {
  const to = fresh('dir')
  await copy('--multi-arch=index-only', inRegistry('list'), to)
  expect(await manifestTypeOf(to)).toBe(mediaTypes.dockerList)
  expect((await readdir(pathOf(to))).sort()).toEqual(['manifest.json', 'version'])
})

it('CPY-07: one image of a list, converted on the way in or on the way out, is the same', async () => {
  const [oci1, dir1, dir2, oci2] = [fresh('oci'), fresh('dir'), fresh('dir'), fresh('oci')]
  await copy(inRegistry('list'), oci1)
  await copy('--multi-arch=all', oci1, dir1)
  await copy('--format', 'oci', inRegistry('list'), dir2)
  await copy('--multi-arch=all', dir2, oci2)
  expect(await treeOf(dir1)).toEqual(await treeOf(dir2))
  expect(await treeOf(oci1)).toEqual(await treeOf(oci2))
})

it('CPY-11: of a list by digest one image is taken, now or later', async () => {
  const name = inRegistry('list').replace(':latest', `@${list.root.digest}`)
  const [one, all, oci1, oci2] = [fresh('dir'), fresh('dir'), fresh('oci'), fresh('oci')]
  await copy(name, one)
  await copy('--multi-arch=all', name, all)
  await copy(one, oci1)
  await copy(all, oci2)
  expect(await treeOf(oci1)).toEqual(await treeOf(oci2))
})

it('CPY-12: --digestfile holds the digest of what was copied, an image or the list', async () => {
  const to = fresh('dir')
  await copy('--digestfile=digest', inRegistry('list'), to)
  const written = await readFile(join(user.home, 'digest'), 'utf8')
  expect(written).toBe(digestOf(await readFile(join(pathOf(to), 'manifest.json'))))
  await copy('--all', '--digestfile=digest', inRegistry('list'), fresh('dir'))
  expect(await readFile(join(user.home, 'digest'), 'utf8')).toBe(list.root.digest)
})

it('CPY-31: through another repository byte for byte', async () => {
  const [dir1, dir2] = [fresh('dir'), fresh('dir')]
  await copy(inRegistry('docker'), dir1)
  await copy(dir1, inRegistry('again'))
  await copy(inRegistry('again'), dir2)
  expect(await treeOf(dir1)).toEqual(await treeOf(dir2))
})

it('CPY-32: a layout is made where there is none', async () => {
  await copy(inRegistry('docker'), 'oci:new:pause')
  expect(await readdir(join(user.home, 'new'))).toEqual(expect.arrayContaining(['blobs', 'index.json', 'oci-layout']))
})

it('CPY-33: a layout without the image gives exit code 2', async () => {
  const outcome = await copyFails('oci:new:thisdoesnotexist', fresh('dir'))
  expect(outcome.code).toBe(2)
  expect(fatalMessage(outcome)).toBe(
    'initializing source oci:new:thisdoesnotexist: no descriptor found for reference "thisdoesnotexist"',
  )
})

it('CPY-34: an image in a layout needs no name', async () => {
  await copy(inRegistry('docker'), 'oci:new2')
  expect(await readdir(join(user.home, 'new2'))).toContain('index.json')
})

it('CPY-36: layout → registry → layout → registry keeps every blob', async () => {
  const [oci1, oci2] = [fresh('oci'), fresh('oci')]
  await copy(inRegistry('oci'), oci1)
  await copy(oci1, inRegistry('copy36'))
  await copy(inRegistry('copy36'), oci2)
  await copy(oci2, inRegistry('copy36-again'))
  const tree = await treeOf(oci1)
  expect(tree).toEqual(await treeOf(oci2))
  // what a validator of layouts asks for
  const { 'index.json': _index, 'oci-layout': _layout, ...blobs } = tree
  expect(Object.keys(blobs)).toEqual(Object.values(blobs).map((hex) => `blobs/sha256/${hex}`))
  expect(JSON.parse(await readFile(join(pathOf(oci1), 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' })
  expect(JSON.parse(await readFile(join(pathOf(oci1), 'index.json'), 'utf8'))).toMatchObject({ schemaVersion: 2 })
})

it('CPY-37, CPY-38: --format, there and back', async () => {
  const [from, oci, back] = [fresh('dir'), fresh('dir'), fresh('dir')]
  await copy(inRegistry('docker'), from)
  await copy('--format=oci', from, oci)
  expect(await manifestTypeOf(oci)).toBe(mediaTypes.ociManifest)
  await copy('--format=v2s2', oci, back)
  expect(await manifestTypeOf(back)).toBe(mediaTypes.dockerManifest)
})

it('CPY-39, CPY-40: --format, to schema 1 and back', async () => {
  const [from, schema1, back] = [fresh('dir'), fresh('dir'), fresh('dir')]
  await copy('--format=v2s2', inRegistry('docker'), from)
  await copy('--format=v2s1', from, schema1)
  const manifest = rawManifest(await readFile(join(pathOf(schema1), 'manifest.json')))
  expect(manifest.mediaType).toBe(mediaTypes.dockerSchema1Signed)
  await copy('--format=v2s2', schema1, back)
  expect(await manifestTypeOf(back)).toBe(mediaTypes.dockerManifest)
})

it('CPY-41: a Docker manifest stays one in a registry', async () => {
  const [from, to] = [fresh('dir'), fresh('dir')]
  await copy(inRegistry('docker'), from)
  await copy(from, inRegistry('copy41'))
  await copy(inRegistry('copy41'), to)
  expect(await manifestTypeOf(to)).toBe(mediaTypes.dockerManifest)
})

it.each([
  ['CPY-45, CPY-46', '--multi-arch=all'],
  ['SYN-03, SYN-04', '--all'],
])('%s: %s --preserve-digests', async (_rows, all) => {
  const to = fresh('dir')
  await copy(all, '--preserve-digests', inRegistry('list'), to)
  expect(await manifestTypeOf(to)).toBe(mediaTypes.dockerList)
  const words = [all, '--preserve-digests', '--format=oci', inRegistry('list'), fresh('dir')]
  expect((await copyFails(...words)).output).toContain('Instructed to preserve digests')
})

it('an uncompressed layer is compressed for a registry', async () => {
  const to = fresh('dir')
  await copy('--dest-oci-accept-uncompressed-layers', 'oci:images:uncompressed', inRegistry('small'))
  await copy(inRegistry('small'), to)
  const files = await readdir(pathOf(to))
  const sizes = await Promise.all(files.map(async (name) => (await readFile(join(pathOf(to), name))).length))
  expect(Math.max(...sizes)).toBeLessThan(2048)
})

it('CPY-48: names without a known transport', async () => {
  expect((await copyFails('unknown:transport', 'unknown:test')).output).toContain('Invalid image name')
})

it('CPY-49: registry → directory → registry → directory', async () => {
  const [dir1, dir2] = [fresh('dir'), fresh('dir')]
  await copy(inRegistry('oci'), dir1)
  await copy(dir1, inRegistry('copy49'))
  await copy(inRegistry('copy49'), dir2)
  expect(await treeOf(dir1)).toEqual(await treeOf(dir2))
})

it('CPY-50: registry → layout → registry → layout', async () => {
  const [oci1, oci2] = [fresh('oci'), fresh('oci')]
  await copy(inRegistry('docker'), oci1)
  await copy(oci1, inRegistry('copy50'))
  await copy(inRegistry('copy50'), oci2)
  expect(await treeOf(oci1)).toEqual(await treeOf(oci2))
})

it('CPY-51: --dest-compress-format=zstd', async () => {
  await copy('--dest-compress-format=zstd', 'oci:images:uncompressed', 'oci:zstd:latest')
  const manifest = await user.run(['inspect', '--raw', 'oci:zstd:latest'])
  const { layers } = JSON.parse(manifest.stdout) as { layers: { mediaType: string; digest: string }[] }
  expect(layers[0]?.mediaType).toBe(mediaTypes.ociLayerZstd)
  const blob = await readFile(join(user.home, 'zstd/blobs', layers[0]!.digest.replace(':', '/')))
  expect(blob.subarray(0, 4).toString('hex')).toBe('28b52ffd')
})

it('CPY-52: layouts differ by the name in the index alone', async () => {
  await copy(inRegistry('docker'), 'oci:plain')
  await copy(inRegistry('docker'), 'oci:named:withtag')
  const { 'index.json': plainIndex, ...plain } = await readTree(join(user.home, 'plain'))
  const { 'index.json': namedIndex, ...named } = await readTree(join(user.home, 'named'))
  expect(plain).toEqual(named)
  expect(plainIndex).not.toBe(namedIndex)
  expect(await readFile(join(user.home, 'named/index.json'), 'utf8')).toContain('"withtag"')
})

it('CPY-54: --format decides the manifest’s type', async () => {
  const [v2s2, oci] = [fresh('dir'), fresh('dir')]
  await copy('--format', 'v2s2', inRegistry('oci'), v2s2)
  await copy('--format', 'oci', inRegistry('docker'), oci)
  expect(await readFile(join(pathOf(v2s2), 'manifest.json'), 'utf8')).toContain(
    'application/vnd.docker.distribution.manifest.v2',
  )
  expect(await readFile(join(pathOf(oci), 'manifest.json'), 'utf8')).toContain('application/vnd.oci.image')
})

it('CPY-55: --additional-tag', async () => {
  await copy('--additional-tag', 'busybox:mine', inRegistry('docker'), 'docker-archive:tags.tar:busybox:latest')
  const { stdout } = await user.run(['list-tags', 'docker-archive:tags.tar'])
  expect(JSON.parse(stdout)).toEqual({ Tags: ['docker.io/library/busybox:latest', 'docker.io/library/busybox:mine'] })
})

it('CPY-56, CPY-57: shared blobs', async () => {
  await copy('--dest-shared-blob-dir', 'shared', inRegistry('docker'), 'oci:thin:latest')
  const shared = await readTree(join(user.home, 'shared'))
  expect(Object.keys(shared).length).toBeGreaterThan(0)
  expect(await readTree(join(user.home, 'thin/blobs')).catch(() => ({}))).toEqual({})
  await copy('--src-shared-blob-dir', 'shared', 'oci:thin:latest', 'oci:thick:latest')
  expect(await readTree(join(user.home, 'thick/blobs'))).toEqual(shared)
})

it('CPY-59: to a repository without a namespace', async () => {
  expect(await copy(inRegistry('docker'), inRegistry('flat'))).toContain('Writing manifest')
})
