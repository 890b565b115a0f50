import { digestOf, parseManifest, type Manifest, type Transport } from '@transload/contract'
import {
  fixtureArtifact,
  fixtureIndex,
  memoryTransport,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import { openImage } from './open-image.ts'
import type { Located } from './plugin-registry.ts'

function at(transport: Transport, text: string): Located {
  return { transport, reference: transport.parse(text, '/') }
}

async function stored(image: FixtureImage): Promise<Located> {
  const from = at(memoryTransport(), 'source')
  await using destination = await from.transport.openDestination!(from.reference, {
    cache: createMemoryBlobInfoCache(),
    tempDirectory: '/tmp',
    log: () => undefined,
  })
  await storeImage(destination, image)
  return from
}

describe('openImage', () => {
  it('reads root, instance and config', async () => {
    const index = fixtureIndex()
    await using image = await openImage(await stored(index), { platform: { os: 'linux', architecture: 'arm64' } })
    expect(await image.readRoot()).toEqual(index.root)
    expect(await image.readInstance()).toEqual(index.children[1])
    expect(JSON.parse(Buffer.from(await image.readConfig()).toString())).toMatchObject({ architecture: 'arm64' })
  })

  it('reads what an artifact has for a config', async () => {
    const artifact = fixtureArtifact()
    await using image = await openImage(await stored(artifact))
    const { config } = parseManifest(artifact.root) as Extract<Manifest, { kind: 'image' }>
    expect(digestOf(await image.readConfig())).toBe(config.digest)
  })

  it('says that there is no such image', async () => {
    await expect(openImage(at(memoryTransport(), 'nothing'))).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringMatching(/^initializing source memory:nothing:latest: /),
    })
  })
})
