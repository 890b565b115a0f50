import { parseManifest, type Digest, type Platform } from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  indexOf,
  nestedIndex,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { SomeImages } from './image-selection.ts'
import { findInstance, listImages, type IndexManifest, type ReadIndex } from './index-tree.ts'

const s390x: Platform = { os: 'linux', architecture: 's390x' }
const arm64: Platform = { os: 'linux', architecture: 'arm64' }

function rootOf({ root }: FixtureImage): IndexManifest {
  return parseManifest(root) as IndexManifest
}

/** Reads from the fixture; `asked` gets what was read. */
function reader({ children }: FixtureImage, asked: Digest[] = []): ReadIndex {
  return (digest) => {
    asked.push(digest)
    const raw = children.find((child) => child.digest === digest)!
    return Promise.resolve({ raw, manifest: parseManifest(raw) as IndexManifest })
  }
}

async function paths(index: FixtureImage, selection: 'all' | SomeImages) {
  const { images, nested, listed } = await listImages(rootOf(index), selection, reader(index), {})
  return { images: images.map(({ path }) => path), nested: nested.map(({ path }) => path), listed }
}

async function find(index: FixtureImage, platform: Platform): Promise<readonly number[]> {
  return (await findInstance(rootOf(index), platform, reader(index), {})).path
}

describe('listImages', () => {
  it('names all, an index after what it holds', async () => {
    const deep = indexOf([{ image: nestedIndex() }, { image: fixtureImage() }])
    expect(await paths(deep, 'all')).toEqual({
      images: [[0, 0], [0, 1, 0], [0, 1, 1], [0, 1, 2], [1]],
      nested: [[0, 1], [0]],
      listed: 5,
    })
  })

  it('reads nothing for a flat index', async () => {
    const asked: Digest[] = []
    const index = fixtureIndex()
    await listImages(rootOf(index), 'all', reader(index, asked), {})
    expect(asked).toEqual([])
  })

  it('looks for platforms in indexes, and leaves out those without any', async () => {
    expect(await paths(nestedIndex(), { platforms: [arm64] })).toEqual({ images: [[1, 1]], nested: [[1]], listed: 4 })
    expect(await paths(nestedIndex(), { platforms: [s390x] })).toEqual({ images: [[0]], nested: [], listed: 4 })
  })

  it('takes the platform of an index for that of what it holds', async () => {
    const index = indexOf([{ image: indexOf([{ image: fixtureImage({ platform: arm64 }) }]), platform: arm64 }])
    const { images } = await listImages(rootOf(index), { platforms: [arm64] }, reader(index), {})
    expect(images).toMatchObject([{ path: [0, 0], descriptor: { platform: arm64 } }])
  })

  it('finds a digest in an index', async () => {
    const index = nestedIndex()
    const digest = fixtureIndex().children[2]!.digest
    expect((await paths(index, { platforms: [], digests: [digest] })).images).toEqual([[1, 2]])
  })

  it.each([
    ['too deep', nestedTimes(9), /nested deeper than 8/],
    ['too wide', indexOf(Array.from({ length: 65 }, () => ({ image: fixtureIndex() }))), /more than 64 indexes/],
  ])('refuses what is %s', async (_, index, message) => {
    await expect(paths(index, 'all')).rejects.toThrow(
      expect.objectContaining({ code: 'SIZE_LIMIT', message: expect.stringMatching(message) }),
    )
  })
})

describe('findInstance', () => {
  it('descends to the platform', async () => {
    expect(await find(nestedIndex(), arm64)).toEqual([1, 1])
    expect(await find(nestedIndex(), s390x)).toEqual([0])
  })

  it('prefers an index that has the platform to an image without any', async () => {
    expect(await find(indexOf([{ image: fixtureImage() }, { image: fixtureIndex() }]), arm64)).toEqual([1, 1])
    expect(await find(indexOf([{ image: fixtureIndex() }, { image: fixtureImage() }]), s390x)).toEqual([1])
  })

  it('says so if no index has it', async () => {
    await expect(find(nestedIndex(), { os: 'windows', architecture: 'amd64' })).rejects.toThrow(
      expect.objectContaining({ code: 'PLATFORM_UNKNOWN' }),
    )
  })
})

function nestedTimes(times: number): FixtureImage {
  return times === 0 ? fixtureIndex() : indexOf([{ image: nestedTimes(times - 1) }])
}
