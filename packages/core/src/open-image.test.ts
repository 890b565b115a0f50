import {
  collect,
  digestOf,
  mediaTypes,
  parseManifest,
  type Manifest,
  type Transport,
  type TrustPolicy,
} from '@transload/contract'
import {
  fixtureArtifact,
  fixtureImage,
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

  it('reads a Docker image in OCI form, and an OCI image as it is', async () => {
    await using docker = await openImage(await stored(fixtureImage({ format: 'docker' })))
    const converted = parseManifest(await docker.readOciManifest())
    expect(converted).toMatchObject({ format: 'oci', config: { mediaType: mediaTypes.ociConfig } })
    expect(converted).toMatchObject({ layers: [{ mediaType: mediaTypes.ociLayerGzip }, {}] })
    const oci = fixtureImage()
    await using image = await openImage(await stored(oci))
    expect(await image.readOciManifest()).toEqual(oci.root)
  })

  it('reads the layers', async () => {
    await using image = await openImage(await stored(fixtureImage()))
    for (const layer of await image.readLayers()) {
      expect(digestOf(await collect(image.readBlob(layer)))).toBe(layer.digest)
    }
  })

  it('asks a policy about one manifest', async () => {
    const index = fixtureIndex()
    await using image = await openImage(await stored(index))
    const policy: TrustPolicy = {
      evaluate: async (unverified) => {
        expect(await unverified.signatures()).toEqual([])
        return unverified.manifest.digest === index.root.digest
          ? { allowed: true, proofs: [] }
          : { allowed: false, reasons: ['no'] }
      },
    }
    await image.checkTrust(policy, await image.readRoot())
    await expect(image.checkTrust(policy, index.children[0]!)).rejects.toMatchObject({
      code: 'TRUST_REJECTED',
      reasons: ['no'],
    })
  })

  it('says that there is no such image', async () => {
    await expect(openImage(at(memoryTransport(), 'nothing'))).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringMatching(/^initializing source memory:nothing:latest: /),
    })
  })
})
