import { mediaTypes, rawManifest, type Descriptor, type Digest, type RawManifest } from '@transload/contract'
import {
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  memoryTransport,
  writeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { expect, it } from 'vitest'

import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'
import type { TransferEvent } from './progress.ts'

const logged: string[] = []
const open = {
  cache: createMemoryBlobInfoCache(),
  tempDirectory: '/tmp',
  log: (_: string, message: string) => void logged.push(message),
}

const image = fixtureImage({ format: 'oci', layers: [fixtureLayer('layer', 'none')] })
const sbom = fixtureArtifact({ subject: image.root, artifactType: 'test/sbom' })
const signature = fixtureArtifact({ subject: sbom.root, artifactType: 'test/signature' })

it('copies what refers to the image, and what refers to that, before the image', async () => {
  const from = await stored(image, [sbom, signature])
  const to = place()
  const events: TransferEvent[] = []
  const result = await copyImage(from, to, { ...open, referrers: true, progress: (event) => void events.push(event) })
  expect(events.flatMap((event) => (event.type === 'manifest' ? [event.digest] : []))).toEqual(
    [signature, sbom, image].map(({ root }) => root.digest),
  )
  // A layer, a config, and the blobs of the artifacts, which are the same for both.
  expect(result.blobs).toMatchObject({ copied: 4 })
  expect(result.plan.referrers!.map(({ manifest }) => manifest.digest)).toEqual([
    signature.root.digest,
    sbom.root.digest,
  ])
  expect(await referrersAt(to, image.root.digest)).toMatchObject([{ artifactType: 'test/sbom' }])
  expect(await referrersAt(to, sbom.root.digest)).toMatchObject([{ artifactType: 'test/signature' }])
})

it('leaves them when nothing is said', async () => {
  const to = place()
  const { plan } = await copyImage(await stored(image, [sbom]), to, open)
  expect(plan).not.toHaveProperty('referrers')
  expect(await referrersAt(to, image.root.digest)).toEqual([])
})

it('copies those of an index and of each of its images', async () => {
  const index = fixtureIndex('oci')
  const ofIndex = fixtureArtifact({ subject: index.root, artifactType: 'test/index' })
  const ofImage = fixtureArtifact({ subject: index.children[1]!, artifactType: 'test/image' })
  const to = place()
  await copyImage(await stored(index, [ofIndex, ofImage]), to, { ...open, referrers: true, images: 'all' })
  expect(await referrersAt(to, index.root.digest)).toMatchObject([{ artifactType: 'test/index' }])
  expect(await referrersAt(to, index.children[1]!.digest)).toMatchObject([{ artifactType: 'test/image' }])
})

it('copies an index that refers to the image with its parts, which are no referrers', async () => {
  const part = fixtureArtifact({ artifactType: 'test/part' })
  const entries = [descriptorOf(part.root)]
  const members = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, artifactType: 'test/parts', manifests: entries }
  const bytes = Buffer.from(JSON.stringify({ ...members, subject: descriptorOf(image.root) }))
  const index: FixtureImage = { root: rawManifest(bytes), children: [part.root], blobs: part.blobs }
  const from = await stored(image, [index])
  const to = place()
  const { plan } = await copyImage(from, to, { ...open, referrers: true })
  expect(plan.referrers!.map(({ manifest }) => manifest.digest)).toEqual([part.root.digest, index.root.digest])
  expect(await referrersAt(to, image.root.digest)).toMatchObject([{ artifactType: 'test/parts' }])
})

it('changes no manifest that something refers to', async () => {
  const from = await stored(image, [sbom])
  const options = { ...open, referrers: true }
  await expect(copyImage(from, place(), { ...options, format: 'docker', layers: 'compressed' })).resolves.toMatchObject(
    {
      digest: image.root.digest,
    },
  )
  const dockerOnly = withTraits(place(), { manifestTypes: [mediaTypes.dockerManifest], referrers: true })
  await expect(copyImage(from, dockerOnly, options)).rejects.toMatchObject({
    code: 'CONVERSION_IMPOSSIBLE',
    message: expect.stringContaining('cannot modify it: "Would lose its referrers"') as string,
  })
})

it('needs a destination that keeps them, if there are any', async () => {
  const options = { ...open, referrers: true }
  const to = withTraits(place(), { referrers: false })
  await expect(copyImage(await stored(image, [sbom]), to, options)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/^Can not copy referrers to .* images is not supported$/) as string,
  })
  await expect(copyImage(await stored(image), to, options)).resolves.toBeDefined()
})

it('leaves out what is listed and not there, or refers to something else', async () => {
  const other = fixtureArtifact({ subject: signature.root, artifactType: 'test/other' })
  const gone = fixtureArtifact({ subject: image.root, artifactType: 'test/gone' })
  const from = withReferrers(await stored(image, [other]), () => [descriptorOf(gone.root), descriptorOf(other.root)])
  const to = place()
  logged.length = 0
  const { plan } = await copyImage(from, to, { ...open, referrers: true })
  expect(plan).not.toHaveProperty('referrers')
  expect(logged).toEqual([
    `${gone.root.digest}, a referrer of ${image.root.digest}, is not there`,
    `${other.root.digest} is listed as a referrer of ${image.root.digest} and is none`,
  ])
})

it('gives up on signatures of signatures of …, and on too many', async () => {
  const chain = [sbom]
  while (chain.length < 12) chain.push(fixtureArtifact({ subject: chain.at(-1)!.root }))
  const options = { ...open, referrers: true }
  await expect(copyImage(await stored(image, chain), place(), options)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
  const many = Array.from({ length: 1001 }, (_, number) =>
    fixtureArtifact({ subject: image.root, artifactType: `test/${number}` }),
  )
  await expect(copyImage(await stored(image, many), place(), options)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})

function place(): Located {
  const transport = memoryTransport()
  return { transport, reference: transport.parse('place', '/') }
}

async function stored(root: FixtureImage, referrers: readonly FixtureImage[] = []): Promise<Located> {
  const from = place()
  await using destination = await from.transport.openDestination!(from.reference, open)
  await writeImage(destination, { ...root, blobs: [root, ...referrers].flatMap(({ blobs }) => blobs) })
  for (const each of referrers) {
    for (const child of each.children) await destination.writeManifest(child, { root: false })
    await destination.writeManifest(each.root, { root: false, referrer: true })
  }
  await destination.commit()
  return from
}

async function referrersAt({ transport, reference }: Located, subject: Digest): Promise<readonly Descriptor[]> {
  await using source = await transport.openSource!(reference, open)
  return await Array.fromAsync(source.readReferrers!(subject))
}

function withTraits({ transport, reference }: Located, traits: object): Located {
  return {
    reference,
    transport: {
      ...transport,
      openDestination: async (...given) => {
        const destination = await transport.openDestination!(...given)
        return Object.assign(destination, { traits: { ...destination.traits, ...traits } })
      },
    },
  }
}

function withReferrers({ transport, reference }: Located, list: () => readonly Descriptor[]): Located {
  return {
    reference,
    transport: {
      ...transport,
      openSource: async (...given) =>
        Object.assign(await transport.openSource!(...given), {
          async *readReferrers() {
            yield* list()
          },
        }),
    },
  }
}

function descriptorOf({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
