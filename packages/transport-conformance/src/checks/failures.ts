import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf, TransloadError, type Descriptor, type OutgoingBlob } from '@transload/contract'

import type { CheckBench, TransportCheck } from '../check.ts'
import { fixtureLayer, type FixtureBlob } from '../fixtures/images.ts'
import { outgoingBlob } from '../fixtures/outgoing-blob.ts'
import { patternStream } from '../fixtures/pattern.ts'
import { storeImage } from '../fixtures/store-image.ts'
import { rejection } from './rejection.ts'
import { acceptedForm, acceptedImage, assertHolds, imageOfLayer, storedReference } from './stored-image.ts'

export const failureChecks: readonly TransportCheck[] = [
  {
    name: 'a body that throws half-way leaves no blob, and its error comes out',
    run: (bench) => assertFailingBody(bench, 3),
  },
  {
    name: 'a body that throws after its last byte leaves no blob, and its error comes out',
    run: (bench) => assertFailingBody(bench, chunkCount),
  },
  {
    name: 'a body that fails leaves no blob, though the file it came with is whole',
    async run(bench) {
      const file = join(bench.directory, 'whole-file')
      await writeFile(file, patternStream(failingSize))
      await assertFailingBody(bench, chunkCount, file)
    },
  },
  {
    name: 'a blob that failed can be written again',
    async run(bench) {
      const form = await acceptedForm(bench)
      const image = imageOfLayer(form, fixtureLayer('second attempt', form.compression), 'retried')
      const layer = image.blobs.find((blob) => blob.role === 'layer')!
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      const failure = new Error('the first attempt fails')
      const failing = { ...layer, open: () => failAfter(layer.open(), 1, failure) }
      assert.equal(await rejection(destination.writeBlob(outgoingBlob(failing)), 'writeBlob'), failure)
      await storeImage(destination, image)
      await destination[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'an unknown manifest is MANIFEST_UNKNOWN, an unknown blob BLOB_UNKNOWN',
    async run(bench) {
      const source = await bench.openSource(await storedReference(bench, await acceptedImage(bench, 'known')))
      const noManifest = await rejection(source.readManifest(absent.digest), 'readManifest of an unknown digest')
      assert.ok(TransloadError.is(noManifest, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN: ${String(noManifest)}`)
      const noBlob = await rejection(drain(source.readBlob(absent)), 'readBlob of an unknown blob')
      assert.ok(TransloadError.is(noBlob, 'BLOB_UNKNOWN'), `expected BLOB_UNKNOWN, not ${String(noBlob)}`)
    },
  },
]

const chunkCount = 6
const chunkBytes = 256 * 1024
const failingSize = chunkCount * chunkBytes
const absent: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: digestOf(Buffer.from('stored nowhere')),
  size: 14,
}

/** `goodChunks` of the blob's chunks arrive, then an error. Afterwards the rest of an image is written: it must not hold the blob. */
async function assertFailingBody(bench: CheckBench, goodChunks: number, file?: string): Promise<void> {
  const image = await acceptedImage(bench, 'after a failure')
  const mediaType = image.blobs.find((blob) => blob.role === 'layer')!.descriptor.mediaType
  const failure = new Error('the body fails')
  const { digest, size } = await patternDescriptor()
  const reference = await bench.newReference()
  const destination = await bench.openDestination(reference)
  const failing: OutgoingBlob = {
    role: 'layer',
    mediaType,
    digest,
    size,
    body: failAfter(patternStream(failingSize), goodChunks, failure),
    file,
    written: () => assert.fail('written() has no answer: the body failed'),
  }
  assert.equal(await rejection(destination.writeBlob(failing), 'writeBlob'), failure, 'the error is the body’s own')
  const blob: Descriptor = { mediaType, digest, size }
  const reuse = { from: reference, substitutes: false }
  assert.equal(await destination.reuseBlob?.(blob, reuse), undefined, 'reuseBlob finds nothing of it')
  await storeImage(destination, image)
  await destination[Symbol.asyncDispose]()
  const source = await bench.openSource(reference)
  await assertHolds(bench, source, image)
  const error = await rejection(drain(source.readBlob(blob)), 'readBlob of the blob that failed')
  assert.ok(TransloadError.is(error, 'BLOB_UNKNOWN'), `expected BLOB_UNKNOWN, not ${String(error)}`)
}

async function* failAfter(body: AsyncIterable<Uint8Array>, chunks: number, error: Error): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const chunk of body) {
    if (count >= chunks) break
    count += 1
    yield chunk
  }
  throw error
}

async function patternDescriptor(): Promise<Pick<FixtureBlob['descriptor'], 'digest' | 'size'>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of patternStream(failingSize)) chunks.push(chunk)
  return { digest: digestOf(Buffer.concat(chunks)), size: failingSize }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}
