import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { imageCases, isTaken, makeSiteImages } from './image-cases.ts'
import { places, type Place } from './places.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await makeSiteImages(site)
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing).each(places)(`transload writes, skopeo reads: $name ${missing ?? ''}`, (place) => {
  test.each(imageCases.filter((imageCase) => isTaken(imageCase, place)))('$name', async (imageCase) => {
    const { flags, label, source } = imageCase
    const images = await imageNames(place, label)
    await succeeding(site.transload.copy(flags, source(site), images.transload))
    await succeeding(site.skopeo.copy(flags, source(site), images.skopeo))

    // Two compressors give different bytes for the same content: there it is the content that is compared.
    const recompressed = imageCase.layers === 'uncompressed' && place.layers === 'compressed'
    const reading = recompressed ? [...flags, '--dest-decompress'] : flags
    expect(await readWithSkopeo(reading, images.transload)).toEqual(await readWithSkopeo(reading, images.skopeo))
    if (recompressed || !place.readFiles) return
    const files = await place.readFiles(site, 'transload', label)
    expect(files).toEqual(await place.readFiles(site, 'skopeo', label))
  })

  test.each(imageCases.filter(({ special }) => special && !place.holdsAnything))(
    'refused as skopeo does: $name',
    async ({ flags, label, source }) => {
      const images = await imageNames(place, label)
      const ours = await site.transload.copy(flags, source(site), images.transload)
      const theirs = await site.skopeo.copy(flags, source(site), images.skopeo)
      expect([ours.code, theirs.code]).toEqual([1, 1])
      expect(fatalMessage(ours)).toBe(fatalMessage(theirs))
    },
  )
})

describe.skipIf(missing)(`a list without its images ${missing ?? ''}`, () => {
  test('is refused by a registry that looks for them', async () => {
    const words = ['--multi-arch', 'index-only']
    const image = `docker://${site.registries.docker}/index-only:v1`
    const ours = await site.transload.copy(words, testImage('index-oci'), image)
    const theirs = await site.skopeo.copy(words, testImage('index-oci'), image)
    expect([ours.code, theirs.code]).toEqual([1, 1])
    // Of a list skopeo tells every format that it has offered.
    const refusal = `uploading manifest v1 to ${site.registries.docker}/index-only: blob unknown to registry`
    expect(fatalMessage(ours)).toBe(`committing the finished image: ${refusal}`)
    expect(fatalMessage(theirs)).toContain(refusal)
  })
})

async function imageNames(place: Place, label: string): Promise<{ transload: string; skopeo: string }> {
  return {
    transload: await place.imageName(site, 'transload', label),
    skopeo: await place.imageName(site, 'skopeo', label),
  }
}

async function readWithSkopeo(flags: readonly string[], image: string): Promise<Readonly<Record<string, string>>> {
  const directory = site.newPath()
  await succeeding(site.skopeo.copy(flags, image, `dir:${directory}`))
  return await readTree(directory)
}
