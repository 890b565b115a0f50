import assert from 'node:assert/strict'

import {
  createDigester,
  parseManifest,
  type Descriptor,
  type DestinationTraits,
  type ImageReference,
  type ImageSource,
  mediaTypes,
} from '@transload/contract'

import type { CheckBench } from '../check.ts'
import {
  fixtureImage,
  fixtureLayer,
  type FixtureCompression,
  type FixtureFormat,
  type FixtureImage,
  type FixtureLayer,
} from '../fixtures/images.ts'
import { storeImage } from '../fixtures/store-image.ts'

/** The form of image the place takes: its preferred manifest family, layers as it wants them. */
export interface AcceptedForm {
  readonly format: FixtureFormat
  readonly compression: FixtureCompression
}

/** A read-only place takes OCI with gzip layers: its `prepare` sees to it. */
export async function acceptedForm(bench: CheckBench): Promise<AcceptedForm> {
  const traits = bench.transport.openDestination ? await destinationTraits(bench) : {}
  return {
    format: accepts(traits, 'oci') ? 'oci' : 'docker',
    compression: traits.layers === 'uncompressed' ? 'none' : 'gzip',
  }
}

export async function destinationTraits(bench: CheckBench): Promise<DestinationTraits> {
  const destination = await bench.openDestination(await bench.newReference())
  const { traits } = destination
  await destination[Symbol.asyncDispose]()
  return traits
}

export function accepts({ manifestTypes }: DestinationTraits, format: FixtureFormat): boolean {
  return manifestTypes?.includes(format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest) ?? true
}

/** An image of two layers in the accepted form. Different labels share no blob. */
export async function acceptedImage(bench: CheckBench, label: string): Promise<FixtureImage> {
  const { format, compression } = await acceptedForm(bench)
  const layers = ['base', 'top'].map((name) => fixtureLayer(`${label} ${name}`, compression))
  return fixtureImage({ format, layers, label })
}

/** Stores `image` at a new reference: through the transport, or by `prepare` where it cannot be written. */
export async function storedReference(bench: CheckBench, image: FixtureImage): Promise<ImageReference> {
  const { transport, subject, directory } = bench
  if (!transport.openDestination && subject.prepare) return transport.parse(await subject.prepare(image), directory)
  const reference = await bench.newReference()
  await storeAt(bench, reference, image)
  return reference
}

export async function storeAt(bench: CheckBench, reference: ImageReference, image: FixtureImage): Promise<void> {
  const destination = await bench.openDestination(reference)
  await storeImage(destination, image)
  await destination[Symbol.asyncDispose]()
}

/** The image comes back byte for byte; where manifests are rebuilt, with the same config and layers. */
export async function assertHolds(bench: CheckBench, source: ImageSource, image: FixtureImage): Promise<void> {
  const root = await source.readManifest(undefined)
  if (bench.subject.rebuildsManifests) {
    assert.deepEqual(content(root), content(image.root), 'config and layers are those stored')
  } else {
    assert.equal(Buffer.from(root.bytes).toString(), Buffer.from(image.root.bytes).toString(), 'manifest bytes')
    assert.equal(root.digest, image.root.digest, 'manifest digest')
    assert.equal(root.mediaType, image.root.mediaType, 'manifest type')
    for (const { digest, bytes } of [image.root, ...image.children]) {
      const manifest = await source.readManifest(digest)
      assert.equal(Buffer.from(manifest.bytes).toString(), Buffer.from(bytes).toString(), `manifest ${digest}`)
    }
  }
  for (const { descriptor } of image.blobs) await assertBlob(source, descriptor)
}

export async function assertBlob(source: ImageSource, descriptor: Descriptor): Promise<void> {
  const digester = createDigester()
  for await (const chunk of source.readBlob(descriptor)) digester.update(chunk)
  assert.equal(digester.size, descriptor.size, `size of ${descriptor.digest}`)
  assert.equal(digester.digest(), descriptor.digest, 'digest of what was read')
}

/** An image of the one layer. */
export function imageOfLayer(form: AcceptedForm, layer: FixtureLayer, label: string): FixtureImage {
  return fixtureImage({ format: form.format, layers: [layer], label })
}

function content(raw: Parameters<typeof parseManifest>[0]): unknown {
  const manifest = parseManifest(raw)
  if (manifest.kind === 'index') return manifest.manifests.map(({ digest }) => digest)
  if (manifest.kind === 'schema1') return manifest.layers
  return { config: manifest.config.digest, layers: manifest.layers.map(({ digest, size }) => ({ digest, size })) }
}
