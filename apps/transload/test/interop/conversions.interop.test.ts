import { requirePeers, testImage, type TestImageName } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
beforeAll(async () => {
  if (!missing) site = await openSite()
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`an image that is changed on the way is what skopeo makes of it ${missing ?? ''}`, () => {
  test.each<[TestImageName, string]>([
    ['base', '--format oci'],
    ['base', '--format v2s2'],
    ['docker', '--format oci'],
    ['docker', '--format v2s2'],
    ['docker', '--format oci --preserve-digests'],
    ['repeated', '--format v2s2'],
    ['many', '--format v2s2'],
    ['index-oci', '--format v2s2'],
    ['index-oci', '--all --format v2s2'],
    ['index-oci', '--all --format oci --preserve-digests'],
    ['index-oci', '--multi-arch index-only --format v2s2'],
    ['index-docker', '--format oci'],
    ['index-docker', '--all --format oci'],
    ['index-docker', '--all --format v2s2 --preserve-digests'],
    ['index-docker', '--multi-arch index-only --format oci'],
    ['base', '--dest-decompress'],
    ['zstd', '--dest-decompress'],
    ['zstd', '--dest-decompress --format v2s2'],
    ['docker', '--dest-decompress --format oci'],
    ['repeated', '--dest-decompress'],
    ['index-oci', '--all --dest-decompress'],
    ['base', '--dest-compress'],
  ])('%s %s', async (image, flagText) => {
    const flags = flagText.split(' ')
    const [ours, theirs] = [site.newPath(), site.newPath()]
    await succeeding(site.transload.copy(flags, testImage(image), `dir:${ours}`))
    await succeeding(site.skopeo.copy(flags, testImage(image), `dir:${theirs}`))
    expect(await readTree(ours)).toEqual(await readTree(theirs))
  })

  // A layout prefers OCI manifests; asked for others it keeps those.
  test.each<[TestImageName, string]>([
    ['small', '--format v2s2'],
    ['docker', '--preserve-digests'],
    ['index-oci', '--all --format v2s2'],
  ])('in a layout: %s %s', async (image, flagText) => {
    const flags = flagText.split(' ')
    const [ours, theirs] = [site.newPath(), site.newPath()]
    await succeeding(site.transload.copy(flags, testImage(image), `oci:${ours}:v1`))
    await succeeding(site.skopeo.copy(flags, testImage(image), `oci:${theirs}:v1`))
    expect(await readTree(ours)).toEqual(await readTree(theirs))
  })

  test('in a layout: --format v2s1, whose signature differs each time', async () => {
    const image = `oci:${site.newPath()}`
    await succeeding(site.transload.copy(['--format', 'v2s1'], testImage('small'), image))
    const { stdout } = await succeeding(site.skopeo.inspect(['--raw'], image))
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, signatures: [{ header: { alg: 'ES256' } }] })
    expect((await site.transload.inspect(['--raw'], image)).stdout).toBe(stdout)
  })

  test.each(['oci', 'dir', 'docker-archive'])(
    'a level that gzip does not have is no matter where nothing is compressed: %s',
    async (scheme) => {
      const copy = (mover: Mover): Promise<unknown> =>
        mover.copy(['--dest-compress-level', '99'], testImage('small'), `${scheme}:${site.newPath()}`)
      expect(await copy(site.transload)).toEqual(await copy(site.skopeo))
    },
  )

  test.each<[TestImageName, string]>([
    ['zstd', '--format v2s2'],
    ['index-oci', '--all --format v2s2 --preserve-digests'],
    ['index-docker', '--all --format oci --preserve-digests'],
    ['index-oci', '--override-arch riscv64'],
    ['base', '--format tar'],
  ])('refused as skopeo does: %s %s', async (image, flagText) => {
    const flags = flagText.split(' ')
    const directory = `dir:${site.newPath()}`
    const ours = await site.transload.copy(flags, testImage(image), directory)
    const theirs = await site.skopeo.copy(flags, testImage(image), directory)
    expect([ours.code, theirs.code]).toEqual([1, 1])
    expect(fatalMessage(ours)).toBe(fatalMessage(theirs))
  })
})

// Two compressors give different bytes, so what is compared is what comes out of them, under its DiffIDs.
describe.skipIf(missing)(`layers that transload compresses ${missing ?? ''}`, () => {
  test.each<[string, readonly string[]]>([
    ['gzip', []],
    ['zstd', ['--dest-compress-format', 'zstd']],
    ['gzip at level 1', ['--dest-compress-format', 'gzip', '--dest-compress-level', '1']],
  ])('as %s are the same when skopeo decompresses them', async (_, flags) => {
    const uncompressed = site.newPath()
    await succeeding(site.skopeo.copy(['--dest-decompress'], testImage('small'), `dir:${uncompressed}`))
    for (const registry of Object.values(site.registries)) {
      const image = `docker://${registry}/compressed:v1`
      await succeeding(site.transload.copy(flags, `dir:${uncompressed}`, image))
      expect(await readDecompressed(site.skopeo, image)).toEqual(await readTree(uncompressed))
    }
  })

  test('anew, in another format, are the same when skopeo decompresses them', async () => {
    const flags = ['--dest-compress-format', 'zstd', '--dest-force-compress-format']
    const layout = `oci:${site.newPath()}:v1`
    await succeeding(site.transload.copy(flags, testImage('base'), layout))
    const { stdout } = await succeeding(site.skopeo.inspect([], layout))
    const types = (JSON.parse(stdout) as { LayersData: { MIMEType: string }[] }).LayersData.map(
      (layer) => layer.MIMEType,
    )
    expect(new Set(types)).toEqual(new Set(['application/vnd.oci.image.layer.v1.tar+zstd']))
    const before = await readDecompressed(site.skopeo, testImage('base'))
    expect(await readDecompressed(site.skopeo, layout)).toEqual(before)
  })
})

describe.skipIf(missing)(`layers that skopeo compresses ${missing ?? ''}`, () => {
  test.each(['gzip', 'zstd', 'zstd:chunked'])('as %s are the same when transload decompresses them', async (format) => {
    const flags = ['--dest-compress-format', format, '--dest-force-compress-format']
    const layout = `oci:${site.newPath()}:v1`
    await succeeding(site.skopeo.copy(flags, testImage('small'), layout))
    const [ours, theirs] = [site.transload, site.skopeo].map((mover) => readDecompressed(mover, layout))
    expect(await ours).toEqual(await theirs)
  })
})

async function readDecompressed(mover: Mover, image: string): Promise<Readonly<Record<string, string>>> {
  const directory = site.newPath()
  await succeeding(mover.copy(['--dest-decompress'], image, `dir:${directory}`))
  return await readTree(directory)
}
