import { mkdir } from 'node:fs/promises'

import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
/** Layers in each state; those in zstd:chunked are skopeo's. */
let sources: Readonly<Record<'plain' | 'gzip' | 'docker' | 'zstd' | 'chunked', string>>

beforeAll(async () => {
  if (missing) return
  site = await openSite()
  const [plain, chunked] = [`dir:${site.newPath()}`, `oci:${site.newPath()}:v1`]
  await succeeding(site.skopeo.copy(['--dest-decompress'], testImage('small'), plain))
  await succeeding(site.skopeo.copy(['--dest-compress-format', 'zstd:chunked'], testImage('small'), chunked))
  sources = { plain, gzip: testImage('small'), docker: testImage('docker'), zstd: testImage('zstd'), chunked }
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

type SourceName = keyof typeof sources
type Destination = 'oci' | 'dir' | 'registry'

const zstd = '--dest-compress-format zstd'
const chunked = '--dest-compress-format zstd:chunked'
const gzip = '--dest-compress-format gzip'
const force = '--dest-force-compress-format'

describe.skipIf(missing)(`layers are compressed when and how skopeo compresses them ${missing ?? ''}`, () => {
  test.each<[SourceName, Destination, string]>([
    ['plain', 'oci', ''],
    ['plain', 'oci', '--dest-oci-accept-uncompressed-layers'],
    ['plain', 'oci', '--preserve-digests'],
    ['plain', 'oci', zstd],
    ['plain', 'oci', chunked],
    ['plain', 'dir', zstd],
    ['plain', 'dir', '--dest-compress'],
    ['plain', 'dir', `--dest-compress ${zstd}`],
    ['plain', 'dir', `--dest-compress ${chunked}`],
    ['plain', 'registry', `${gzip} --dest-compress-level 9`],
    ['plain', 'registry', `${gzip} --dest-compress-level -1`],
    ['plain', 'registry', `${zstd} --dest-compress-level 30`],
    ['plain', 'registry', `--dest-precompute-digests ${chunked}`],
    ['gzip', 'oci', gzip],
    ['gzip', 'oci', chunked],
    ['gzip', 'oci', `${chunked} ${force}`],
    ['gzip', 'dir', `--dest-compress ${zstd}`],
    ['gzip', 'dir', chunked],
    ['docker', 'oci', zstd],
    ['docker', 'dir', zstd],
    ['zstd', 'oci', gzip],
    ['zstd', 'oci', chunked],
    ['zstd', 'registry', `--format v2s2 ${gzip}`],
    ['chunked', 'oci', ''],
    ['chunked', 'oci', zstd],
    ['chunked', 'oci', `${zstd} ${force}`],
    ['chunked', 'oci', chunked],
    ['chunked', 'oci', gzip],
    ['chunked', 'dir', '--dest-decompress'],
  ])('%s to %s %s', async (source, destination, flagText) => {
    const flags = flagText.split(' ').filter(Boolean)
    const ours = await copied(site.transload, flags, sources[source], destination)
    const theirs = await copied(site.skopeo, flags, sources[source], destination)
    expect(ours).toEqual(theirs)
  })

  test.each<[SourceName, string]>([
    ['gzip', '--dest-compress-format rar'],
    ['plain', `--format v2s2 ${zstd}`],
    ['docker', `--format v2s2 ${chunked}`],
    ['gzip', force],
  ])('refused as skopeo does: %s %s', async (source, flagText) => {
    const place = `dir:${site.newPath()}`
    const outcomes = await Promise.all(
      [site.transload, site.skopeo].map((mover) => mover.copy(flagText.split(' '), sources[source], place)),
    )
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1])
    expect(fatalMessage(outcomes[0]!)).toBe(fatalMessage(outcomes[1]!))
  })

  test('with the warning that only dir: can be told so', async () => {
    const flags = ['--dest-compress', '--dest-decompress=false']
    const [ours, theirs] = [site.transload, site.skopeo].map((mover) =>
      succeeding(mover.copy(flags, sources.gzip, `oci:${site.newPath()}:v1`)),
    )
    const warning = "--dest-compress can only be used if the destination transport is 'dir'"
    expect((await ours!).output).toContain(warning)
    expect((await theirs!).output).toContain(warning)
  })
})

interface CopiedImage {
  readonly mediaType: unknown
  readonly layers: readonly unknown[]
  /** The layers decompressed and the config, by digest. */
  readonly content: readonly string[]
}

/** What can be compared between two compressors. */
async function copied(mover: Mover, flags: readonly string[], source: string, to: Destination): Promise<CopiedImage> {
  const path = site.newPath()
  const places = {
    oci: `oci:${path}:v1`,
    dir: `dir:${path}`,
    registry: `docker://${site.registries.transload}/${path.split('/').at(-1)}:v1`,
  }
  await mkdir(path)
  await succeeding(mover.copy(flags, source, places[to]))
  const { stdout } = await succeeding(site.skopeo.inspect(['--raw'], places[to]))
  const { stdout: before } = await succeeding(site.skopeo.inspect(['--raw'], source))
  const manifest = JSON.parse(stdout) as { mediaType?: string; config: { mediaType: string }; layers: Layer[] }
  const kept = (JSON.parse(before) as { layers: Layer[] }).layers.map(({ digest }) => digest)
  const directory = site.newPath()
  await succeeding(site.skopeo.copy(['--dest-decompress'], places[to], `dir:${directory}`))
  return {
    mediaType: [manifest.mediaType, manifest.config.mediaType],
    layers: manifest.layers.map(({ mediaType, digest, annotations = {} }) => ({
      mediaType,
      annotations: Object.keys(annotations).sort(),
      isKept: kept.includes(digest),
    })),
    content: Object.keys(await readTree(directory)).sort(),
  }
}

interface Layer {
  readonly mediaType: string
  readonly digest: string
  readonly annotations?: Readonly<Record<string, string>>
}
