import { setImmediate } from 'node:timers/promises'

import {
  mediaTypes,
  parseManifest,
  rawManifest,
  type Descriptor,
  type Digest,
  type RawManifest,
} from '@transload/contract'
import {
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { expect, it } from 'vitest'

import { copyImage } from './copy.ts'
import type { Located } from './plugin-registry.ts'
import type { TransferEvent } from './progress.ts'
import { changed, open, place, stored } from './referrers.test.kit.ts'

const image = fixtureImage({ format: 'oci', layers: [fixtureLayer('layer', 'none')] })
const sbom = fixtureArtifact({ subject: image.root, artifactType: 'test/sbom' })
const signature = fixtureArtifact({ subject: sbom.root, artifactType: 'test/signature' })

it('copies what refers to the image, and what refers to that, before the image', async () => {
  const from = await stored(image, [sbom, signature])
  const to = place()
  const events: TransferEvent[] = []
  const result = await copyImage(from, to, {
    ...open,
    withReferrers: true,
    progress: (event) => void events.push(event),
  })
  expect(events.filter(({ type }) => ['referrer', 'manifest', 'verified'].includes(type))).toMatchObject([
    { type: 'referrer', digest: signature.root.digest, subject: sbom.root.digest, tags: [], index: 0, count: 2 },
    { type: 'referrer', digest: sbom.root.digest, subject: image.root.digest, index: 1 },
    { type: 'manifest', digest: image.root.digest },
    { type: 'verified', referrers: 2 },
  ])
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
  await copyImage(await stored(index, [ofIndex, ofImage]), to, { ...open, withReferrers: true, images: 'all' })
  expect(await referrersAt(to, index.root.digest)).toMatchObject([{ artifactType: 'test/index' }])
  expect(await referrersAt(to, index.children[1]!.digest)).toMatchObject([{ artifactType: 'test/image' }])
})

it('copies an index that refers to the image after its parts, which are no referrers, and what refers to those', async () => {
  const part = fixtureArtifact({ artifactType: 'test/part' })
  const ofPart = fixtureArtifact({ subject: part.root, artifactType: 'test/signature' })
  const parts = indexOf([part])
  const from = await stored(image, [parts, ofPart])
  const to = place()
  const { plan } = await copyImage(from, to, { ...open, withReferrers: true })
  expect(plan.referrers).toMatchObject([
    { manifest: { digest: ofPart.root.digest }, subject: part.root.digest },
    { manifest: { digest: part.root.digest } },
    { manifest: { digest: parts.root.digest }, subject: image.root.digest },
  ])
  expect(plan.referrers![1]).not.toHaveProperty('subject')
  expect(await referrersAt(to, image.root.digest)).toMatchObject([{ artifactType: 'test/parts' }])
  expect(await referrersAt(to, part.root.digest)).toMatchObject([{ artifactType: 'test/signature' }])
})

it('writes a referrer before an index that names it, whichever is found first', async () => {
  const from = await stored(image, [indexOf([sbom]), sbom])
  const written: Digest[] = []
  const to = changed(place(), {
    destination: (opened) => {
      const write = opened.writeManifest.bind(opened)
      return {
        writeManifest: async (manifest, role) => {
          if (parseManifest(manifest).kind !== 'index') await setImmediate()
          written.push(manifest.digest)
          await write(manifest, role)
        },
      }
    },
  })
  await copyImage(from, to, { ...open, withReferrers: true })
  expect(written).toEqual([sbom, indexOf([sbom]), image].map(({ root }) => root.digest))
})

it('changes no manifest that something refers to', async () => {
  const from = await stored(image, [sbom])
  const options = { ...open, withReferrers: true }
  await expect(copyImage(from, place(), { ...options, format: 'docker', layers: 'compressed' })).resolves.toMatchObject(
    {
      digest: image.root.digest,
    },
  )
  const dockerOnly = changed(place(), {
    destination: () => ({ traits: { manifestTypes: [mediaTypes.dockerManifest], referrers: true } }),
  })
  await expect(copyImage(from, dockerOnly, options)).rejects.toMatchObject({
    code: 'CONVERSION_IMPOSSIBLE',
    message: expect.stringContaining('cannot modify it: "Would lose its referrers"') as string,
  })
})

it('needs a destination that keeps them, if there are any', async () => {
  const options = { ...open, withReferrers: true }
  const to = changed(place(), { destination: ({ traits }) => ({ traits: { ...traits, referrers: false } }) })
  await expect(copyImage(await stored(image, [sbom]), to, options)).rejects.toMatchObject({
    code: 'REFERRERS_LOST',
    message:
      'Can not copy referrers to memory:place:latest: Storing referrers for memory: images is not supported; ' +
      `these would be lost: ${sbom.root.digest} (test/sbom, of ${image.root.digest})`,
  })
  await expect(copyImage(await stored(image), to, options)).resolves.toBeDefined()
})

it('leaves out what is listed and not there, or refers to something else', async () => {
  const other = fixtureArtifact({ subject: signature.root, artifactType: 'test/other' })
  const gone = fixtureArtifact({ subject: image.root, artifactType: 'test/gone' })
  const from = changed(await stored(image, [other]), {
    source: () => ({
      async *readReferrers() {
        yield* [gone, other].map(({ root }) => descriptorOf(root))
      },
    }),
  })
  const to = place()
  const logged: string[] = []
  const log = (_: string, message: string): void => void logged.push(message)
  const { plan } = await copyImage(from, to, { ...open, log, withReferrers: true })
  expect(plan).not.toHaveProperty('referrers')
  expect(logged).toEqual([
    `${gone.root.digest}, a referrer of ${image.root.digest}, is not there`,
    `${other.root.digest} is listed as a referrer of ${image.root.digest} and is none`,
  ])
})

it('gives up on signatures of signatures of …, and on too many', async () => {
  const chain = [sbom]
  while (chain.length < 12) chain.push(fixtureArtifact({ subject: chain.at(-1)!.root }))
  const options = { ...open, withReferrers: true }
  await expect(copyImage(await stored(image, chain), place(), options)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
  const many = Array.from({ length: 1001 }, (_, number) =>
    fixtureArtifact({ subject: image.root, artifactType: `test/${number}` }),
  )
  await expect(copyImage(await stored(image, many), place(), options)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})

async function referrersAt({ transport, reference }: Located, subject: Digest): Promise<readonly Descriptor[]> {
  await using source = await transport.openSource!(reference, open)
  return await Array.fromAsync(source.readReferrers!(subject))
}

/** An index of these that refers to the image. */
function indexOf(parts: readonly FixtureImage[]): FixtureImage {
  const manifests = parts.map(({ root }) => descriptorOf(root))
  const members = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, artifactType: 'test/parts', manifests }
  const bytes = Buffer.from(JSON.stringify({ ...members, subject: descriptorOf(image.root) }))
  const blobs = parts.flatMap((part) => part.blobs)
  return { root: rawManifest(bytes), children: parts.map(({ root }) => root), blobs }
}

function descriptorOf({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
