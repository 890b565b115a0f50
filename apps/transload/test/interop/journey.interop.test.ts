import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { imageCases, makeSiteImages } from './image-cases.ts'
import { places } from './places.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await makeSiteImages(site)
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`from place to place, through every one that keeps digests ${missing ?? ''}`, () => {
  test.each(imageCases.filter(({ indexOnly }) => !indexOnly))('$name', async ({ flags, format, label, source }) => {
    const keeping = [...flags, '--preserve-digests']
    let here = source(site)
    for (const place of places.filter(({ keepsManifests }) => keepsManifests.includes(format))) {
      const next = await place.imageName(site, 'journey', label)
      await succeeding(site.transload.copy([...keeping, '--dest-oci-accept-uncompressed-layers'], here, next))
      here = next
    }
    const [arrived, sent] = [site.newPath(), site.newPath()]
    await succeeding(site.skopeo.copy(keeping, here, `dir:${arrived}`))
    await succeeding(site.skopeo.copy(keeping, source(site), `dir:${sent}`))
    expect(await readTree(arrived)).toEqual(await readTree(sent))
  })
})
