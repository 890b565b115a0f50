import { randomBytes } from 'node:crypto'
import { createGzip, gzipSync } from 'node:zlib'

import { createDigester, digestOf, throughTransform } from '@transload/contract'
import {
  fixtureImage,
  fixtureLayer,
  patternLayer,
  tarArchive,
  type FixtureImage,
  type FixtureLayer,
} from '@transload/transport-conformance/fixtures'

export const mebibyte = 1024 * 1024

/** An image with a small layer and one of a little more than 3 MiB, which is the last of its blobs. */
export function imageWithLayer(): { readonly image: FixtureImage; readonly layer: FixtureLayer } {
  const tar = tarArchive({ content: randomBytes(3 * mebibyte) })
  const bytes = gzipSync(tar, { level: 1 })
  const layer: FixtureLayer = {
    compression: 'gzip',
    digest: digestOf(bytes),
    diffId: digestOf(tar),
    size: bytes.length,
    async *open() {
      yield bytes
    },
  }
  return { image: fixtureImage({ layers: [fixtureLayer('base'), layer] }), layer }
}

/** An image with gzip layers of any size, made as they are read: stored blocks, as the content does not compress. */
export async function streamedImage(...sizes: readonly number[]): Promise<FixtureImage> {
  const layers: FixtureLayer[] = []
  for (const size of sizes) layers.push(await streamedGzipLayer(size))
  return fixtureImage({ layers })
}

async function streamedGzipLayer(size: number): Promise<FixtureLayer> {
  const store = throughTransform(() => createGzip({ level: 0, chunkSize: 256 * 1024 }))
  const plain = createDigester()
  const stored = createDigester()
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of patternLayer(size)) {
      plain.update(chunk)
      yield chunk
    }
  }
  for await (const chunk of store(counted())) stored.update(chunk)
  return {
    compression: 'gzip',
    digest: stored.digest(),
    diffId: plain.digest(),
    size: stored.size,
    open: () => store(patternLayer(size)),
  }
}
