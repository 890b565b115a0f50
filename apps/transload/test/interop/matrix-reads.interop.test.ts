import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { imageCases, isTaken, makeSiteImages } from './image-cases.ts'
import { places } from './places.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await makeSiteImages(site)
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing).each(places)(`skopeo writes, transload reads: $name ${missing ?? ''}`, (place) => {
  test.each(imageCases.filter((imageCase) => isTaken(imageCase, place)))('$name', async ({ flags, label, source }) => {
    const image = await place.imageName(site, 'skopeo', label)
    await succeeding(site.skopeo.copy(flags, source(site), image))
    expect(await readWith(site.transload, flags, image)).toEqual(await readWith(site.skopeo, flags, image))
  })
})

async function readWith(
  mover: Mover,
  flags: readonly string[],
  image: string,
): Promise<Readonly<Record<string, string>>> {
  const directory = site.newPath()
  await succeeding(mover.copy(flags, image, `dir:${directory}`))
  return await readTree(directory)
}
