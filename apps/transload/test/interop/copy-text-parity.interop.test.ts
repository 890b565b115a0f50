import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

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

const onePlaceOfAKind = places.filter(({ name }) => ['docker-registry', 'oci', 'dir', 'docker-archive'].includes(name))

describe.skipIf(missing).each(onePlaceOfAKind)(`copy says what skopeo says: to $name ${missing ?? ''}`, (place) => {
  const taken = imageCases.filter((imageCase) => isTaken(imageCase, place))
  test.each(taken)('$name', async (imageCase) => {
    const { flags, label, source } = imageCase
    const linesOf = async (mover: Mover): Promise<readonly string[]> => {
      const image = await place.imageName(site, mover.name, label)
      const words = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...flags, source(site), image]
      return inOneOrder((await succeeding(mover.run(words))).stdout.split('\n'))
    }
    expect(await linesOf(site.transload)).toEqual(await linesOf(site.skopeo))
  })
})

/** Blobs move several at a time, so the order of the lines that stand together for them is anybody's. */
function inOneOrder(lines: readonly string[]): readonly string[] {
  const ordered: string[] = []
  for (let start = 0; start < lines.length;) {
    let end = start + 1
    while (isBlob(lines[start]) && isBlob(lines[end])) end++
    ordered.push(...lines.slice(start, end).toSorted())
    start = end
  }
  return ordered
}

function isBlob(line: string | undefined): boolean {
  return line?.startsWith('Copying blob ') ?? false
}
