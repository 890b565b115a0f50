import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { mediaTypes, rawManifest } from '@transload/contract'
import { requirePeers, startDockerRegistry, testImage, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { oddMembers, writeSchema1Image, type Schema1Variant } from './schema1-image.ts'
import { startSchema1Only, type Schema1Only } from './schema1-only.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
/** Takes every format; takes schema 1 alone. */
let registry: DockerRegistry
let schema1Only: Schema1Only
/** The same image in schema 2 and, by each program, in schema 1. */
let schema2: string
let schema1: Readonly<Record<Mover['name'], string>>

beforeAll(async () => {
  if (missing) return
  site = await openSite()
  registry = await startDockerRegistry({ schema1: true })
  schema1Only = await startSchema1Only(registry.host)
  schema2 = `dir:${site.newPath()}`
  await succeeding(site.transload.copy(['--format', 'v2s2'], testImage('small'), schema2))
  schema1 = { transload: `dir:${site.newPath()}`, skopeo: `dir:${site.newPath()}` }
  for (const mover of [site.transload, site.skopeo]) {
    await succeeding(mover.copy(['--format', 'v2s1'], schema2, schema1[mover.name]))
  }
}, 60_000)
afterAll(async () => {
  await schema1Only?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  await site?.[Symbol.asyncDispose]()
})

const variants: readonly (readonly [string, Schema1Variant])[] = [
  ['of today', { dockerVersion: '17.03', members: oddMembers }],
  ['of Docker 1.7', { dockerVersion: '1.7.1', members: oddMembers.replace('["one"]', '"one"') }],
  ['of nobody', { dockerVersion: '' }],
  ['with a plain layer', { dockerVersion: '1.10.0', members: oddMembers, hasPlainLayer: true }],
  ['with an entry twice', { dockerVersion: '1.10.0', members: oddMembers, repeatsEntry: true }],
]

describe.skipIf(missing)(`a schema 1 image ${missing ?? ''}`, () => {
  describe.each(variants)('%s', (_, variant) => {
    test.each(['', '--format v2s1', '--format v2s2', '--format oci', '--format v2s2 --dest-decompress'])(
      'becomes what skopeo makes of it: %s',
      async (flagText) => {
        const from = site.newPath()
        await writeSchema1Image(from, variant)
        const flags = flagText === '' ? [] : flagText.split(' ')
        const [ours, theirs] = await bothWays((mover, to) => mover.copy(flags, `dir:${from}`, to))
        expect(ours).toEqual(theirs)
      },
    )

    test.each([[[]], [['--config']], [['--raw']], [['--config', '--raw']], [['--format', '{{.}}']]])(
      'looks as to skopeo: inspect %j',
      async (flags) => {
        const from = site.newPath()
        // skopeo refuses a command that is no list as soon as it wants OCI's form of it.
        await writeSchema1Image(from, { ...variant, ...(variant.members === undefined ? {} : { members: oddMembers }) })
        const [ours, theirs] = [site.transload, site.skopeo].map((mover) => mover.inspect(flags, `dir:${from}`))
        expect((await succeeding(ours!)).stdout).toBe((await succeeding(theirs!)).stdout)
      },
    )
  })
})

describe.skipIf(missing)(`to schema 1 ${missing ?? ''}`, () => {
  test.each([
    [testImage('docker'), '--format v2s1'],
    [testImage('base'), '--format v2s1'],
    [testImage('repeated'), '--format v2s1'],
    [testImage('many'), '--format v2s1 --dest-decompress'],
    [testImage('index-oci'), '--all --format v2s1'],
  ])('%s becomes what skopeo makes of it: %s', async (from, flags) => {
    const [ours, theirs] = await bothWays((mover, to) => mover.copy(flags.split(' '), from, to))
    expect(ours).toEqual(theirs)
  })

  test('and no further, as skopeo says it: zstd layers', async () => {
    const [ours, theirs] = [site.transload, site.skopeo].map((mover) =>
      mover.copy(['--format', 'v2s1'], testImage('zstd'), `dir:${site.newPath()}`),
    )
    expect(fatalMessage(await ours!)).toBe(fatalMessage(await theirs!))
  })
})

describe.skipIf(missing)(`schema 1 images of transload ${missing ?? ''}`, () => {
  test.each([['v2s2'], ['oci']])('are read by skopeo, and the other way round: to %s', async (format) => {
    for (const from of Object.values(schema1)) {
      const [ours, theirs] = await bothWays((mover, to) => mover.copy(['--format', format], from, to))
      expect(ours).toEqual(theirs)
    }
  })

  test('have the digest skopeo takes', async () => {
    const file = join(schema1.transload.slice('dir:'.length), 'manifest.json')
    const [ours, theirs] = [site.transload, site.skopeo].map((mover) => mover.run(['manifest-digest', file]))
    expect((await succeeding(ours!)).stdout).toBe((await succeeding(theirs!)).stdout)
  })

  test('go into a layout and into an archive as skopeo puts them there', async () => {
    for (const place of [() => `oci:${site.newPath()}:v1`, () => `docker-archive:${site.newPath()}.tar:app:v1`]) {
      const [ours, theirs] = [place(), place()]
      await succeeding(site.transload.copy([], schema1.transload, ours))
      await succeeding(site.skopeo.copy([], schema1.transload, theirs))
      expect(await contentOf(site.skopeo, ours)).toEqual(await contentOf(site.skopeo, theirs))
    }
  })
})

describe.skipIf(missing)(`a registry with schema 1 ${missing ?? ''}`, () => {
  test('renames an image with its tag, by either program', async () => {
    const names = ['renamed-by-transload', 'renamed-by-skopeo']
    for (const [index, mover] of [site.transload, site.skopeo].entries()) {
      const to = `docker://${registry.host}/team/${names[index]}:v2`
      await succeeding(mover.copy([], schema1.skopeo, to))
      const { stdout } = await succeeding(site.skopeo.inspect(['--raw'], to))
      expect(JSON.parse(stdout)).toMatchObject({ name: `team/${names[index]}`, tag: 'v2' })
      expect(await contentOf(site.transload, to)).toEqual(await contentOf(site.skopeo, to))
    }
  })

  test('refuses another name where nothing may change, as skopeo does', async () => {
    const to = `docker://${registry.host}/team/kept:v1`
    const [ours, theirs] = [site.transload, site.skopeo].map((mover) =>
      mover.copy(['--preserve-digests'], schema1.skopeo, to),
    )
    expect(fatalMessage(await ours!)).toBe(fatalMessage(await theirs!))
  })

  test('gives images by the digest of what was signed', async () => {
    const repository = `docker://${registry.host}/by-digest`
    await succeeding(site.transload.copy([], schema1.transload, `${repository}:v1`))
    const { stdout } = await succeeding(site.skopeo.inspect(['--format', '{{.Digest}}'], `${repository}:v1`))
    const image = `${repository}@${stdout.trim()}`
    expect(await contentOf(site.transload, image)).toEqual(await contentOf(site.skopeo, image))
  })

  test('newer formats by way of it are the same by either program', async () => {
    const from = `docker://${registry.host}/converted:v1`
    await succeeding(site.skopeo.copy([], schema1.skopeo, from))
    const [ours, theirs] = [1, 2].map((number) => `docker://${registry.host}/converted:to-oci-${number}`)
    await succeeding(site.transload.copy(['--format', 'oci'], from, ours!))
    await succeeding(site.skopeo.copy(['--format', 'oci'], from, theirs!))
    expect(await contentOf(site.skopeo, ours!)).toEqual(await contentOf(site.skopeo, theirs!))
  })

  test('CPY-42: schema 2 to a registry with schema 1 only falls back by itself', async () => {
    for (const mover of [site.transload, site.skopeo]) {
      const image = `docker://${schema1Only.host}/fallback:${mover.name}`
      await succeeding(mover.copy([], schema2, image))
      expect(await typeAt(image)).toBe(mediaTypes.dockerSchema1Signed)
    }
    const [ours, theirs] = await Promise.all(
      ['transload', 'skopeo'].map((tag) => contentOf(site.transload, `docker://${schema1Only.host}/fallback:${tag}`)),
    )
    expect(Object.keys(ours!)).toEqual(Object.keys(theirs!))
  })

  test('CPY-43: schema 1 to a registry with schema 1 only stays that', async () => {
    const image = `docker://${schema1Only.host}/kept:v1`
    await succeeding(site.transload.copy([], schema1.transload, image))
    expect(await typeAt(image)).toBe(mediaTypes.dockerSchema1Signed)
  })

  test('CPY-44: schema 1 to a registry with schema 2 too stays that', async () => {
    const image = `docker://${registry.host}/kept-too:v1`
    await succeeding(site.transload.copy([], schema1.transload, image))
    expect(await typeAt(image)).toBe(mediaTypes.dockerSchema1Signed)
  })

  test('an image of schema 1 comes to a registry without it in schema 2', async () => {
    const image = `docker://${site.registries.transload}/newer:v1`
    await succeeding(site.transload.copy([], schema1.transload, image))
    expect(await typeAt(image)).toBe(mediaTypes.dockerManifest)
  })

  test('a plain layer comes compressed', async () => {
    const [from, to] = [site.newPath(), site.newPath()]
    await writeSchema1Image(from, { dockerVersion: '1.10.0', hasPlainLayer: true })
    const image = `docker://${registry.host}/plain:v1`
    await succeeding(site.transload.copy([], `dir:${from}`, image))
    await succeeding(site.skopeo.copy([], image, `dir:${to}`))
    const [before, after] = [await readTree(from), await readTree(to)].map((tree) => new Set(Object.keys(tree)))
    expect(before!.difference(after!).size).toBe(1)
  })
})

/** What `copy` makes with each of the programs. */
async function bothWays(
  copy: (mover: Mover, to: string) => ReturnType<Mover['copy']>,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const trees = []
  for (const mover of [site.transload, site.skopeo]) {
    const to = site.newPath()
    await succeeding(copy(mover, `dir:${to}`))
    trees.push(await readImage(to))
  }
  return trees
}

async function contentOf(mover: Mover, image: string): Promise<Readonly<Record<string, string>>> {
  const to = site.newPath()
  await succeeding(mover.copy([], image, `dir:${to}`))
  return await readImage(to)
}

/** As {@link readTree}, but of manifests what is signed: each signature is another one. */
async function readImage(directory: string): Promise<Readonly<Record<string, string>>> {
  const tree = Object.entries(await readTree(directory)).map(async ([name, hash]) => {
    if (!name.endsWith('manifest.json')) return [name, hash] as const
    return [name, rawManifest(await readFile(join(directory, name))).digest] as const
  })
  return Object.fromEntries(await Promise.all(tree))
}

async function typeAt(image: string): Promise<string> {
  const to = site.newPath()
  await succeeding(site.transload.copy([], image, `dir:${to}`))
  return rawManifest(await readFile(join(to, 'manifest.json'))).mediaType
}
