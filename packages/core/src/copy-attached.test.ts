import { mediaTypes, rawManifest, type Digest, type RawManifest } from '@transload/contract'
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
import { changed, open, place, stored } from './referrers.test.kit.ts'

const image = fixtureImage({ format: 'oci', layers: [fixtureLayer('layer', 'none')] })
const options = { ...open, withReferrers: true }

const [signature, attestation, sbom] = [attached('one'), attached('two'), attached('three')] as const

it('copies what cosign attached, and what it attached to that, and lists it in the plan', async () => {
  const ofAttestation = attached('four')
  const tagged = {
    [tagOf(image, 'sig')]: signature,
    [tagOf(image, 'att')]: attestation,
    [tagOf(image, 'sbom')]: sbom,
    [tagOf(attestation, 'sig')]: ofAttestation,
    'other.sig': attached('five'),
  }
  const from = await stored(image, [], tagged)
  const to = place()
  const { plan } = await copyImage(from, to, { ...options, dryRun: true })
  expect(plan.referrers).toMatchObject([
    { manifest: { digest: ofAttestation.root.digest }, tags: [tagOf(attestation, 'sig')] },
    { manifest: { digest: signature.root.digest }, tags: [tagOf(image, 'sig')] },
    { manifest: { digest: attestation.root.digest }, tags: [tagOf(image, 'att')] },
    { manifest: { digest: sbom.root.digest }, tags: [tagOf(image, 'sbom')] },
  ])
  await expect(copyImage(from, to, options)).resolves.toMatchObject({ plan })
  const { 'other.sig': _, ...wanted } = tagged
  expect(await tagsAt(to, Object.keys(tagged))).toEqual(digests(wanted))
})

it('copies those of an index and of each of its images; the same manifest under each of its tags', async () => {
  const index = fixtureIndex('oci')
  const tags = [index.root, ...index.children].map((each) => tagOf({ root: each }, 'sbom'))
  const tagged = Object.fromEntries(tags.map((tag) => [tag, sbom]))
  const to = place()
  const { plan } = await copyImage(await stored(index, [], tagged), to, { ...options, images: 'all' })
  expect(plan.referrers).toMatchObject([{ tags }])
  expect(await tagsAt(to, tags)).toEqual(digests(tagged))
})

it('copies what has both a subject and a tag so that it is found by both', async () => {
  const both = fixtureArtifact({ subject: image.root })
  const to = place()
  const tagged = { [tagOf(image, 'sbom')]: both }
  const { plan } = await copyImage(await stored(image, [both], tagged), to, options)
  expect(plan.referrers).toMatchObject([{ subject: image.root.digest, tags: [tagOf(image, 'sbom')] }])
  expect(await tagsAt(to, Object.keys(tagged))).toEqual(digests(tagged))
})

it('copies attachments in the form of Docker as they are', async () => {
  const docker = attached('docker', { mediaType: mediaTypes.dockerManifest })
  const tagged = { [tagOf(image, 'sig')]: docker }
  const to = place()
  await copyImage(await stored(image, [], tagged), to, options)
  expect(await tagsAt(to, Object.keys(tagged))).toEqual(digests(tagged))
})

it('ends where tags name what names them', async () => {
  const tagged = {
    [tagOf(image, 'sig')]: signature,
    [tagOf(signature, 'sig')]: signature,
    [tagOf(image, 'att')]: image,
  }
  const to = place()
  const { plan } = await copyImage(await stored(image, [], tagged), to, options)
  expect(plan.referrers).toHaveLength(2)
  expect(await tagsAt(to, Object.keys(tagged))).toEqual(digests(tagged))
})

it('leaves a tag with more than the source has, and replaces any other', async () => {
  const tag = tagOf(image, 'sig')
  const more = attached('more', { also: signature })
  const log: string[] = []
  const copyTo = (to: Located) => async (from: FixtureImage) =>
    await copyImage(await stored(image, [], { [tag]: from }), to, {
      ...options,
      log: (_, message) => void log.push(message),
    })
  const kept = await stored(image, [], { [tag]: more })
  const written: string[] = []
  // The place in memory holds one image, which a copy would replace with all that goes along.
  const watched = changed(kept, {
    destination: () => ({
      writeManifest: async (manifest, role) => void (role.tag !== undefined && written.push(manifest.digest)),
      commit: async () => undefined,
    }),
  })
  await copyTo(watched)(signature)
  expect(written).toEqual([])
  await expect(copyTo(watched)(attestation)).rejects.toMatchObject({ code: 'REFERRERS_LOST' })
  expect(written).toEqual([attestation.root.digest])
  expect(log).toEqual([`replacing ${tag} at the destination, which is ${more.root.digest}`])
})

it('does not take a signature for another one of the same payload', async () => {
  const tag = tagOf(image, 'sig')
  const theirs = attached('one', { signature: 'theirs' })
  const to = changed(place(), { destination: () => ({ readTagged: async () => theirs.root }) })
  await expect(copyImage(await stored(image, [], { [tag]: signature }), to, options)).rejects.toMatchObject({
    code: 'REFERRERS_LOST',
    message: `not found at the destination after the copy: ${tag}`,
  })
})

it('leaves signatures when they are not wanted', async () => {
  const notation = fixtureArtifact({ subject: image.root, artifactType: 'application/vnd.cncf.notary.signature' })
  const bundles = ['https://sigstore.dev/cosign/sign/v1', 'https://slsa.dev/provenance/v1'].map((predicate) =>
    annotated(fixtureArtifact({ subject: image.root, artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }), {
      'dev.sigstore.bundle.predicateType': predicate,
    }),
  )
  const tagged = { [tagOf(image, 'sig')]: signature, [tagOf(image, 'att')]: attestation }
  const from = await stored(image, [notation, ...bundles], tagged)
  const { plan } = await copyImage(from, place(), { ...options, removeSignatures: true, dryRun: true })
  expect(plan.referrers!.map(({ manifest }) => manifest.digest)).toEqual(
    [bundles[1]!, attestation].map(({ root }) => root.digest),
  )
})

it('carries signatures that a tag brings as that tag alone', async () => {
  const tagged = { [tagOf(image, 'sig')]: signature }
  const from = changed(await stored(image, [], tagged), {
    source: () => ({ signatures: { list: async () => [sigstoreSignature] } }),
  })
  const to = changed(place(), { destination: () => ({ signatures: undefined }) as never })
  await expect(copyImage(from, to, open)).rejects.toMatchObject({ code: 'SIGNATURES_LOST' })
  const { plan } = await copyImage(from, to, options)
  expect(plan.images[0]!.signatures).toEqual({ fate: 'none', count: 0 })
  expect(await tagsAt(to, Object.keys(tagged))).toEqual(digests(tagged))
})

it('fails, naming all that is not found afterwards', async () => {
  const referrer = fixtureArtifact({ subject: image.root, artifactType: 'test/sbom' })
  const tag = tagOf(image, 'sig')
  const from = await stored(image, [referrer], { [tag]: signature })
  const to = changed(place(), {
    destination: () => ({ async *readReferrers() {}, readTagged: async () => undefined }),
  })
  await expect(copyImage(from, to, options)).rejects.toMatchObject({
    code: 'REFERRERS_LOST',
    retryable: true,
    message:
      'not found at the destination after the copy: ' +
      `${referrer.root.digest} (test/sbom, of ${image.root.digest}), ${tag}`,
  })
  const unseen = changed(place(), { destination: () => ({ readReferrers: undefined, readTagged: undefined }) as never })
  await expect(copyImage(from, unseen, options)).resolves.toBeDefined()
})

it('names ten of many that would be lost', async () => {
  const many = Array.from({ length: 12 }, (_, number) =>
    fixtureArtifact({ subject: image.root, artifactType: `test/${number}` }),
  )
  const to = changed(place(), { destination: () => ({ traits: {} }) })
  await expect(copyImage(await stored(image, many), to, options)).rejects.toMatchObject({
    code: 'REFERRERS_LOST',
    message: expect.stringMatching(/\(test\/9, of sha256:[0-9a-f]+\) and 2 more$/) as string,
  })
})

const sigstoreSignature = {
  kind: 'sigstore',
  mediaType: 'test/payload',
  payload: Buffer.from('{}'),
  annotations: {},
} as const

function tagOf({ root }: { readonly root: Pick<RawManifest, 'digest'> }, suffix: string): string {
  return `${root.digest.replace(':', '-')}.${suffix}`
}

/** An image whose layers are signatures, as cosign attaches them. */
function attached(
  payload: string,
  {
    mediaType = mediaTypes.ociManifest,
    signature: value = payload,
    also,
  }: { readonly mediaType?: string; readonly signature?: string; readonly also?: FixtureImage } = {},
): FixtureImage {
  const { root, blobs } = fixtureImage({ format: 'oci', label: payload, layers: [fixtureLayer(payload, 'none')] })
  const json = jsonOf(root) as { config: object; layers: object[] }
  const layers = [
    ...(also ? (jsonOf(also.root) as { layers: object[] }).layers : []),
    ...json.layers.map((layer) => ({ ...layer, annotations: { 'dev.cosignproject.cosign/signature': value } })),
  ]
  const manifest = rawManifest(Buffer.from(JSON.stringify({ ...json, mediaType, layers })), mediaType)
  return { root: manifest, children: [], blobs: [...blobs, ...(also?.blobs ?? [])] }
}

function annotated(artifact: FixtureImage, annotations: object): FixtureImage {
  return {
    ...artifact,
    root: rawManifest(Buffer.from(JSON.stringify({ ...(jsonOf(artifact.root) as object), annotations }))),
  }
}

function jsonOf({ bytes }: RawManifest): unknown {
  return JSON.parse(Buffer.from(bytes).toString())
}

function digests(tagged: Readonly<Record<string, FixtureImage>>): Record<string, Digest> {
  return Object.fromEntries(Object.entries(tagged).map(([tag, { root }]) => [tag, root.digest]))
}

/** Those of the tags that are there. */
async function tagsAt({ transport, reference }: Located, tags: readonly string[]): Promise<Record<string, Digest>> {
  await using source = await transport.openSource!(reference, open)
  const found: Record<string, Digest> = {}
  for (const tag of tags) {
    const manifest = await source.readTagged!(tag)
    if (manifest) found[tag] = manifest.digest
  }
  return found
}
