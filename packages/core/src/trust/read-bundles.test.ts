import {
  digestOf,
  encodeJson,
  mediaTypes,
  rawManifest,
  referrerDescriptor,
  TransloadError,
  type Descriptor,
  type ImageSource,
  type RawManifest,
} from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { expect, test } from 'vitest'

import { readBundles } from './read-bundles.ts'

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const image = fixtureImage()
const content = Buffer.from('{"mediaType":"a bundle"}')
const layer = { mediaType: bundleType, digest: digestOf(content), size: content.length }

function bundleManifest({ artifactType = bundleType, layers = [layer], annotations = {} } = {}): RawManifest {
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 }
  const json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers, annotations }
  return rawManifest(Buffer.from(encodeJson(json)))
}

/** Has these referrers, and `bytes` for every blob. */
function sourceOf(
  manifests: readonly RawManifest[],
  { listed = manifests.map(referrerDescriptor), bytes = content }: { listed?: Descriptor[]; bytes?: Uint8Array } = {},
): ImageSource {
  return {
    reference: { scheme: 'test', text: 'image', policyScopes: [] },
    readManifest: async (digest) => {
      const found = manifests.find((manifest) => manifest.digest === digest)
      if (!found) throw new TransloadError('MANIFEST_UNKNOWN', 'not there')
      return found
    },
    async *readBlob() {
      yield bytes
    },
    async *readReferrers() {
      yield* listed
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function readFrom(source: ImageSource): Promise<readonly string[]> {
  const bundles = await readBundles(source, image.root.digest, {})
  return bundles.map(({ mediaType, bytes }) => `${mediaType} ${Buffer.from(bytes).toString()}`)
}

const found = `${bundleType} ${content.toString()}`

test('signatures, among what else refers to an image', async () => {
  const predicate = 'dev.sigstore.bundle.predicateType'
  const source = sourceOf([
    bundleManifest(),
    bundleManifest({ annotations: { [predicate]: 'https://sigstore.dev/cosign/sign/v1' } }),
    bundleManifest({ annotations: { [predicate]: 'https://slsa.dev/provenance/v1' } }),
    bundleManifest({ artifactType: 'test/sbom' }),
    bundleManifest({ layers: [] }),
    bundleManifest({ layers: [{ ...layer, mediaType: 'text/plain' }] }),
  ])
  expect(await readFrom(source)).toEqual([found, found])
})

test('one that a list says nothing of but the type of its config, as those of cosign do', async () => {
  const attestation = bundleManifest({
    annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' },
  })
  const manifests = [bundleManifest(), attestation, bundleManifest({ artifactType: 'test/sbom' })]
  const listed = manifests.map(({ digest, mediaType, bytes }) => ({
    mediaType,
    digest,
    size: bytes.length,
    artifactType: mediaTypes.ociEmpty,
  }))
  expect(await readFrom(sourceOf(manifests, { listed }))).toEqual([found])
})

test('nothing of what is listed and is not there', async () => {
  const gone = referrerDescriptor(bundleManifest({ annotations: { gone: 'yes' } }))
  const there = bundleManifest()
  expect(await readFrom(sourceOf([there], { listed: [gone, referrerDescriptor(there)] }))).toEqual([found])
})

test('nothing where no referrers are kept', async () => {
  expect(await readFrom({ ...sourceOf([bundleManifest()]), readReferrers: undefined } as never)).toEqual([])
})

test('nothing other than what the manifest names', async () => {
  const changed = sourceOf([bundleManifest()], { bytes: Buffer.from('{"mediaType":"A bundle"}') })
  await expect(readFrom(changed)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('no more than anybody needs', async () => {
  const one = bundleManifest()
  const listed = Array.from({ length: 129 }, () => referrerDescriptor(one))
  await expect(readFrom(sourceOf([one], { listed }))).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})
