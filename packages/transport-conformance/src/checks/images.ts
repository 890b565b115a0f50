import assert from 'node:assert/strict'

import { parseManifest } from '@transload/contract'

import { SkippedCheck, type CheckBench, type TransportCheck } from '../check.ts'
import {
  emptyLayer,
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  foreignLayer,
  type FixtureFormat,
  type FixtureImage,
} from '../fixtures/images.ts'
import { outgoingBlob } from '../fixtures/outgoing-blob.ts'
import { writeManifests } from '../fixtures/store-image.ts'
import {
  accepts,
  acceptedForm,
  acceptedImage,
  assertBlob,
  assertHolds,
  destinationTraits,
  storedReference,
} from './stored-image.ts'

export const imageChecks: readonly TransportCheck[] = [
  {
    name: 'a stored image comes back',
    async run(bench) {
      await assertRoundTrip(bench, await acceptedImage(bench, 'stored'))
    },
  },
  ...(['oci', 'docker'] as const).flatMap((format) => [
    {
      name: `a ${format} image comes back`,
      async run(bench: CheckBench) {
        const { compression } = await requireFormat(bench, format)
        await assertRoundTrip(
          bench,
          fixtureImage({ format, layers: [fixtureLayer('one', compression)], label: format }),
        )
      },
    },
    {
      name: `a ${format} index comes back with its images`,
      async run(bench: CheckBench) {
        const { compression } = await requireFormat(bench, format)
        await requireIndexes(bench)
        await assertRoundTrip(bench, fixtureIndex(format, compression))
      },
    },
  ]),
  {
    name: 'an OCI artifact comes back',
    async run(bench) {
      const { compression } = await requireFormat(bench, 'oci')
      if (compression === 'none') throw new SkippedCheck('takes image layers only, decompressed')
      await assertRoundTrip(bench, fixtureArtifact())
    },
  },
  {
    name: 'layers in zstd and without compression come back',
    async run(bench) {
      const { compression } = await requireFormat(bench, 'oci')
      if (compression === 'none') throw new SkippedCheck('takes uncompressed layers only')
      const layers = (['zstd', 'none', 'gzip'] as const).map((kind) => fixtureLayer(`in ${kind}`, kind))
      await assertRoundTrip(bench, fixtureImage({ layers, label: 'encodings' }))
    },
  },
  {
    name: 'duplicate layers stay duplicate',
    async run(bench) {
      const { format, compression } = await acceptedForm(bench)
      const [a, b, empty] = [fixtureLayer('a', compression), fixtureLayer('b', compression), emptyLayer(compression)]
      const layers = [a, empty, b, empty, empty, a]
      const image = fixtureImage({ format, layers, label: 'duplicates' })
      const source = await bench.openSource(await storedReference(bench, image))
      const manifest = parseManifest(await source.readManifest(undefined))
      assert.ok(manifest.kind === 'image')
      assert.deepEqual(
        manifest.layers.map(({ digest }) => digest),
        layers.map(({ digest }) => digest),
      )
      await assertHolds(bench, source, image)
    },
  },
  {
    name: 'a layer that lives at a foreign URL is left there',
    async run(bench) {
      const { format, compression } = await acceptedForm(bench)
      if (!(await destinationTraits(bench)).keepsForeignLayers)
        throw new SkippedCheck('traits.keepsForeignLayers is not declared')
      const layers = [foreignLayer(), fixtureLayer('local', compression)]
      await assertRoundTrip(bench, fixtureImage({ format, layers, label: 'foreign' }))
    },
  },
  {
    name: 'sixty layers, written and read at the declared concurrency',
    async run(bench) {
      const { format, compression } = await acceptedForm(bench)
      const layers = Array.from({ length: 60 }, (_, index) => fixtureLayer(`layer ${index}`, compression))
      const image = fixtureImage({ format, layers, label: 'sixty' })
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      await inParallel(image.blobs, destination.traits.concurrency, (blob) => destination.writeBlob(outgoingBlob(blob)))
      await writeManifests(destination, image)
      await destination.commit()
      await destination[Symbol.asyncDispose]()
      const source = await bench.openSource(reference)
      await assertHolds(bench, source, { ...image, blobs: [] })
      await inParallel(image.blobs, source.concurrency, (blob) => assertBlob(source, blob.descriptor))
    },
  },
]

async function assertRoundTrip(bench: CheckBench, image: FixtureImage): Promise<void> {
  const source = await bench.openSource(await storedReference(bench, image))
  await assertHolds(bench, source, image)
}

async function requireFormat(
  bench: CheckBench,
  format: FixtureFormat,
): Promise<Awaited<ReturnType<typeof acceptedForm>>> {
  if (bench.transport.openDestination && !accepts(await destinationTraits(bench), format)) {
    throw new SkippedCheck(`traits.manifestTypes leaves ${format} images out`)
  }
  return await acceptedForm(bench)
}

async function requireIndexes(bench: CheckBench): Promise<void> {
  if (bench.transport.openDestination && !(await destinationTraits(bench)).multiImage) {
    throw new SkippedCheck('traits.multiImage is not declared')
  }
}

/** Without a declared limit, as many at once as the engine would start by default and more. */
async function inParallel<T>(items: readonly T[], limit = 12, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}
