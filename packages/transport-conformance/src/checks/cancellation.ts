import assert from 'node:assert/strict'

import { digestOf, type OperationOptions } from '@transload/contract'

import { SkippedCheck, type CheckBench, type TransportCheck } from '../check.ts'
import { streamedLayer, type FixtureImage } from '../fixtures/images.ts'
import { outgoingBlob } from '../fixtures/outgoing-blob.ts'
import { patternLayer, patternStream } from '../fixtures/pattern.ts'
import { writeImage, writeManifests } from '../fixtures/store-image.ts'
import { promptly, rejection } from './rejection.ts'
import { acceptedForm, acceptedImage, assertHolds, imageOfLayer, storedReference } from './stored-image.ts'

export const cancellationChecks: readonly TransportCheck[] = [
  {
    name: 'reading after an abort rejects with its reason',
    async run(bench) {
      const image = await acceptedImage(bench, 'unread')
      const reference = await storedReference(bench, image)
      const { transport, openOptions } = bench
      await assertAborted('openSource', () => bench.openSource(reference, aborted.signal))
      const source = await bench.openSource(reference)
      await assertAborted('readManifest', () => source.readManifest(undefined, aborted))
      await assertAborted('readBlob', () => drain(source.readBlob(image.blobs[0]!.descriptor, aborted)))
      const { signatures } = source
      if (signatures) await assertAborted('signatures.list', () => signatures.list(image.root.digest, aborted))
      if (transport.listTags) {
        await assertAborted('listTags', () => drain(transport.listTags!(reference, { ...openOptions, ...aborted })))
      }
    },
  },
  {
    name: 'writing after an abort rejects with its reason and shows nothing',
    async run(bench) {
      const image = await acceptedImage(bench, 'unwritten')
      const reference = await bench.newReference()
      await assertAborted('openDestination', () => bench.openDestination(reference, aborted.signal))
      const destination = await bench.openDestination(reference)
      const [blob] = image.blobs
      await assertAborted('writeBlob', () => destination.writeBlob(outgoingBlob(blob!), aborted))
      await writeImage(destination, image)
      await assertAborted('writeManifest', () => destination.writeManifest(image.root, { ...aborted, root: true }))
      if (destination.reuseBlob) {
        const options = { ...aborted, from: reference, substitutes: false }
        await assertAborted('reuseBlob', () => destination.reuseBlob!(blob!.descriptor, options))
      }
      await assertAborted('commit', () => destination.commit(aborted))
      await destination[Symbol.asyncDispose]()
      await rejection(bench.openSource(reference), 'openSource after a commit that was aborted')
    },
  },
  {
    name: 'removing after an abort rejects with its reason and removes nothing',
    async run(bench) {
      const { transport, openOptions } = bench
      if (!transport.removeImage) throw new SkippedCheck('cannot remove: no removeImage')
      const image = await acceptedImage(bench, 'kept')
      const reference = await storedReference(bench, image)
      await assertAborted('removeImage', () => transport.removeImage!(reference, { ...openOptions, ...aborted }))
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'an abort while a blob is read ends it with the reason',
    async run(bench) {
      const image = await bigImage(bench)
      const source = await bench.openSource(await storedReference(bench, image))
      const layer = image.blobs.find((blob) => blob.role === 'layer')!.descriptor
      const controller = new AbortController()
      const reading = async (): Promise<void> => {
        let size = 0
        for await (const chunk of source.readBlob(layer, controller)) {
          size += chunk.length
          controller.abort(reason)
        }
        assert.fail(`readBlob went on to the end after the abort: ${size} bytes`)
      }
      assert.equal(await rejection(reading(), 'readBlob'), reason)
      await assertHolds(bench, source, image)
    },
  },
  {
    name: 'an abort while a blob is written ends it with the reason and stores nothing',
    async run(bench) {
      const image = await acceptedImage(bench, 'interrupted')
      const destination = await bench.openDestination(await bench.newReference())
      const controller = new AbortController()
      let taken = 0
      // Not the signal's: the transport has to look at it itself.
      async function* body(): AsyncGenerator<Uint8Array> {
        for await (const chunk of patternStream(bigBytes)) {
          taken += chunk.length
          yield chunk
          if (taken > bigBytes / 8) controller.abort(reason)
        }
      }
      const { mediaType } = image.blobs.find((blob) => blob.role === 'layer')!.descriptor
      const blob = { mediaType, digest: digestOf(Buffer.from('interrupted')), size: bigBytes }
      const writing = destination.writeBlob({ ...blob, role: 'layer', body: body(), written: () => blob }, controller)
      assert.equal(await rejection(writing, 'writeBlob'), reason)
      assert.ok(taken < bigBytes, `the body was read on to its end after the abort: ${taken} bytes`)
      const reuse = { from: destination.reference, substitutes: false }
      assert.equal(await destination.reuseBlob?.(blob, reuse), undefined, 'reuseBlob finds nothing of it')
      await promptly(Promise.resolve(destination[Symbol.asyncDispose]()), 'dispose after an abort')
    },
  },
  {
    name: 'an abort after the work is done changes nothing',
    async run(bench) {
      const image = await acceptedImage(bench, 'finished')
      const controller = new AbortController()
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference, controller.signal)
      for (const blob of image.blobs) await destination.writeBlob(outgoingBlob(blob), controller)
      await writeManifests(destination, image, controller)
      await destination.commit(controller)
      const source = await bench.openSource(reference, controller.signal)
      for (const { descriptor } of image.blobs) await drain(source.readBlob(descriptor, controller))
      await source.readManifest(undefined, controller)
      controller.abort(reason)
      await destination[Symbol.asyncDispose]()
      await source[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
]

const reason = new Error('aborted by the conformance suite')
const aborted: OperationOptions & { readonly signal: AbortSignal } = { signal: AbortSignal.abort(reason) }
const bigBytes = 16 * 1024 * 1024

async function assertAborted(what: string, call: () => Promise<unknown>): Promise<void> {
  assert.equal(await rejection(call(), `${what} with an aborted signal`), reason, `${what} rejects with the reason`)
}

async function bigImage(bench: CheckBench): Promise<FixtureImage> {
  const layer = await streamedLayer(() => patternLayer(bigBytes))
  return imageOfLayer(await acceptedForm(bench), layer, 'big')
}

async function drain(body: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of body);
}
