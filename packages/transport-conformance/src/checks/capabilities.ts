import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  collect,
  digestOf,
  parseManifest,
  referrerDescriptor,
  TransloadError,
  type Descriptor,
  type Manifest,
  type RawManifest,
  type StoredSignature,
} from '@transload/contract'

import { SkippedCheck, type CheckBench, type TransportCheck } from '../check.ts'
import { fixtureArtifact } from '../fixtures/images.ts'
import { outgoingBlob } from '../fixtures/outgoing-blob.ts'
import { writeImage, writeManifests } from '../fixtures/store-image.ts'
import { rejection } from './rejection.ts'
import { acceptedImage, assertBlob, assertHolds, destinationTraits, storedReference } from './stored-image.ts'

export const capabilityChecks: readonly TransportCheck[] = [
  {
    name: 'reuseBlob knows nothing of an unknown blob',
    async run(bench) {
      const destination = await bench.openDestination(await bench.newReference())
      if (!destination.reuseBlob) throw new SkippedCheck('no reuseBlob')
      const blob: Descriptor = {
        mediaType: (await acceptedImage(bench, 'unknown')).blobs.at(-1)!.descriptor.mediaType,
        digest: digestOf(Buffer.from('stored nowhere')),
        size: 14,
      }
      const from = await bench.newReference()
      assert.equal(await destination.reuseBlob(blob, { from, substitutes: false }), undefined)
      assert.equal(await destination.reuseBlob(blob, { from, substitutes: true }), undefined)
    },
  },
  {
    name: 'a blob that reuseBlob promises is there after commit',
    async run(bench) {
      const image = await acceptedImage(bench, 'reused')
      const former = await storedReference(bench, image)
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      if (!destination.reuseBlob) throw new SkippedCheck('no reuseBlob')
      for (const blob of image.blobs) {
        const reused = await destination.reuseBlob(blob.descriptor, { from: former, substitutes: false })
        if (reused) assert.equal(reused.digest, blob.descriptor.digest, 'without substitutes it is the same blob')
        if (reused) assert.equal(reused.size, blob.descriptor.size, 'size of the reused blob')
        else await destination.writeBlob(outgoingBlob(blob))
      }
      await writeManifests(destination, image)
      await destination.commit()
      await destination[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'blobs may be of unknown size',
    async run(bench) {
      const image = await acceptedImage(bench, 'of unknown size')
      const former = await storedReference(bench, image)
      const reference = await bench.newReference()
      const source = await bench.openSource(former)
      const destination = await bench.openDestination(reference)
      const reuse = { from: former, substitutes: false }
      const unknown = {
        ...image.blobs[0]!.descriptor,
        digest: digestOf(Buffer.from('stored nowhere')),
        size: undefined,
      }
      assert.equal(await destination.reuseBlob?.(unknown, reuse), undefined, 'reuseBlob finds nothing of it')
      for (const blob of image.blobs) {
        const descriptor = { ...blob.descriptor, size: undefined }
        const bytes = await collect(source.readBlob(descriptor))
        assert.equal(digestOf(bytes), descriptor.digest, 'digest of the blob that is read')
        const reused = await destination.reuseBlob?.(descriptor, reuse)
        if (reused) assert.equal(reused.size, bytes.length, 'size of the reused blob')
        else await destination.writeBlob({ ...outgoingBlob(blob), size: undefined })
      }
      await writeManifests(destination, image)
      await destination.commit()
      await destination[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'a blob that comes with a file is stored',
    async run(bench) {
      const image = await acceptedImage(bench, 'from files')
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      for (const blob of image.blobs) {
        const file = join(bench.directory, blob.descriptor.digest.replace(':', '-'))
        await writeFile(file, blob.open())
        await destination.writeBlob({ ...outgoingBlob(blob), file })
        await rm(file)
      }
      await writeManifests(destination, image)
      await destination.commit()
      await destination[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'blobFile names a file of exactly the blob’s bytes',
    async run(bench) {
      const image = await acceptedImage(bench, 'as files')
      const source = await bench.openSource(await storedReference(bench, image))
      if (!source.blobFile) throw new SkippedCheck('no blobFile')
      for (const { descriptor } of image.blobs) {
        const file = await source.blobFile(descriptor)
        if (file !== undefined) assert.equal(digestOf(await readFile(file)), descriptor.digest, `content of ${file}`)
      }
    },
  },
  {
    name: 'readBlobFrom yields the rest of a blob',
    async run(bench) {
      const image = await acceptedImage(bench, 'in part')
      const source = await bench.openSource(await storedReference(bench, image))
      if (!source.readBlobFrom) throw new SkippedCheck('no readBlobFrom')
      for (const { descriptor } of image.blobs) {
        const whole = Buffer.from(await collect(source.readBlob(descriptor)))
        for (const offset of [1, Math.floor(whole.length / 2), whole.length - 1]) {
          const rest = await collect(source.readBlobFrom(descriptor, offset))
          assert.ok(whole.subarray(offset).equals(rest), `${descriptor.digest} from byte ${offset} on`)
        }
      }
    },
  },
  {
    name: 'what layersForCopy names can be read',
    async run(bench) {
      const image = await acceptedImage(bench, 'other layers')
      const source = await bench.openSource(await storedReference(bench, image))
      if (!source.layersForCopy) throw new SkippedCheck('no layersForCopy')
      const manifest = await source.readManifest(undefined)
      const { layers } = parseManifest(manifest) as Extract<Manifest, { kind: 'image' }>
      const descriptors = await source.layersForCopy(manifest)
      assert.equal(descriptors.length, layers.length, 'one for each layer of the manifest')
      for (const descriptor of descriptors) await assertBlob(source, descriptor)
    },
  },
  {
    name: 'signatures come back with their manifest',
    async run(bench) {
      const kinds = await Promise.all(sampleSignatures.map((signature) => keepsSignature(bench, signature)))
      if (!kinds.includes(true)) throw new SkippedCheck('keeps no signatures')
    },
  },
  {
    name: 'a manifest is found by what it refers to',
    async run(bench) {
      if (!(await destinationTraits(bench)).referrers) throw new SkippedCheck('keeps no referrers')
      const image = await acceptedImage(bench, 'subject')
      const { root, blobs } = fixtureArtifact({ subject: image.root })
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      await writeImage(destination, { ...image, blobs: [...image.blobs, ...blobs] })
      await destination.writeManifest(root, { root: false, referrer: true })
      await destination.commit()
      const source = await bench.openSource(reference)
      assert.ok(source.readReferrers !== undefined, 'what it keeps can be read')
      const found = await Array.fromAsync(source.readReferrers(image.root.digest))
      assert.deepEqual(found, [referrerDescriptor(root)], 'with its type and annotations')
      assert.deepEqual((await source.readManifest(root.digest)).bytes.length, root.bytes.length)
      for (const { descriptor } of blobs) await assertBlob(source, descriptor)
      const other = await Array.fromAsync(source.readReferrers(image.root.digest, { artifactType: 'test/other' }))
      assert.deepEqual(other, [], 'none of another type')
      assert.deepEqual(await Array.fromAsync(source.readReferrers(root.digest)), [], 'nothing refers to the referrer')
    },
  },
  {
    name: 'a manifest is found by its tag beside the image',
    async run(bench) {
      if (!(await destinationTraits(bench)).referrers) throw new SkippedCheck('keeps no tags beside an image')
      const image = await acceptedImage(bench, 'tagged')
      const { root, blobs } = fixtureArtifact({ artifactType: 'test/tagged' })
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      const before = await destination.readTagged?.('companion')
      assert.equal(before, undefined, 'no such tag, nor such a place, before anything is written')
      await writeImage(destination, { ...image, blobs: [...image.blobs, ...blobs] })
      await destination.writeManifest(root, { root: false, tag: 'companion' })
      await destination.writeManifest(root, { root: false, tag: 'companion.too' })
      await destination.commit()
      const source = await bench.openSource(reference)
      assert.ok(source.readTagged !== undefined, 'what it keeps can be read')
      for (const tag of ['companion', 'companion.too']) {
        assert.deepEqual(plainManifest(await source.readTagged(tag)), plainManifest(root), `the manifest of ${tag}`)
      }
      assert.equal(await source.readTagged('nothing'), undefined, 'nothing is of a tag that does not exist')
      await assertHolds(bench, source, image)
    },
  },
  {
    name: 'what goes along is found at the destination after commit',
    async run(bench) {
      const image = await acceptedImage(bench, 'looked at again')
      const { root, blobs } = fixtureArtifact({ subject: image.root })
      const destination = await bench.openDestination(await bench.newReference())
      if (!destination.traits.referrers || !destination.readReferrers || !destination.readTagged) {
        throw new SkippedCheck('keeps no referrers, or cannot look again')
      }
      await writeImage(destination, { ...image, blobs: [...image.blobs, ...blobs] })
      await destination.writeManifest(root, { root: false, referrer: true, tag: 'companion' })
      await destination.commit()
      const found = await Array.fromAsync(destination.readReferrers(image.root.digest))
      assert.deepEqual(found, [referrerDescriptor(root)], 'by what it refers to')
      assert.deepEqual(plainManifest(await destination.readTagged('companion')), plainManifest(root), 'by its tag')
      assert.equal(await destination.readTagged('nothing'), undefined, 'nothing is of a tag that does not exist')
    },
  },
  {
    name: 'a removed image is gone, and an absent one cannot be removed',
    async run(bench) {
      const { transport, openOptions } = bench
      if (!transport.removeImage) throw new SkippedCheck('cannot remove: no removeImage')
      const reference = await storedReference(bench, await acceptedImage(bench, 'removed'))
      await transport.removeImage(reference, openOptions)
      const gone = await rejection(bench.openSource(reference), 'openSource of a removed image')
      assert.ok(TransloadError.is(gone, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN, not ${String(gone)}`)
      const absent = await rejection(transport.removeImage(reference, openOptions), 'removeImage of an absent image')
      assert.ok(TransloadError.is(absent, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN, not ${String(absent)}`)
    },
  },
  {
    name: 'a removed tag is gone, and an absent one cannot be removed',
    async run(bench) {
      const { transport, openOptions } = bench
      if (!transport.removeTag) throw new SkippedCheck('cannot remove a tag alone: no removeTag')
      const reference = await storedReference(bench, await acceptedImage(bench, 'tag removed'))
      await transport.removeTag(reference, openOptions)
      const gone = await rejection(bench.openSource(reference), 'openSource of a removed tag')
      assert.ok(TransloadError.is(gone, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN, not ${String(gone)}`)
      const absent = await rejection(transport.removeTag(reference, openOptions), 'removeTag of an absent tag')
      assert.ok(TransloadError.is(absent, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN, not ${String(absent)}`)
    },
  },
  {
    name: 'listTags yields the tag of a stored image',
    async run(bench) {
      const { transport, openOptions } = bench
      if (!transport.listTags) throw new SkippedCheck('has no tags: no listTags')
      const reference = await storedReference(bench, await acceptedImage(bench, 'tagged'))
      const tags: string[] = []
      for await (const tag of transport.listTags(reference, openOptions)) tags.push(tag)
      assert.ok(tags.length > 0, 'there is a tag')
      assert.ok(
        tags.some((tag) => reference.text.includes(tag)),
        `one of ${JSON.stringify(tags)} is in ${reference.text}`,
      )
    },
  },
]

const sampleSignatures: readonly StoredSignature[] = [
  { kind: 'simple', bytes: Buffer.from('a simple signature, any bytes \u0000\u0001') },
  {
    kind: 'sigstore',
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    payload: Buffer.from('{"critical":{}}'),
    annotations: { 'dev.cosignproject.cosign/signature': 'MEUCIQ==' },
  },
]

/** False when the place declares no signatures, or refuses this kind with UNSUPPORTED. */
async function keepsSignature(bench: CheckBench, signature: StoredSignature): Promise<boolean> {
  const image = await acceptedImage(bench, `signed ${signature.kind}`)
  const reference = await bench.newReference()
  const destination = await bench.openDestination(reference)
  if (!destination.signatures) return false
  await writeImage(destination, image)
  try {
    await destination.signatures.replace(image.root.digest, [signature])
  } catch (error) {
    if (TransloadError.is(error, 'UNSUPPORTED')) return false
    throw error
  }
  await destination.commit()
  await destination[Symbol.asyncDispose]()
  const source = await bench.openSource(reference)
  assert.ok(source.signatures, 'signatures that can be written can be read')
  assert.deepEqual((await source.signatures.list(image.root.digest)).map(plain), [plain(signature)])
  await assertHolds(bench, source, image)
  const unsigned = await bench.openSource(await storedReference(bench, await acceptedImage(bench, 'unsigned')))
  const { digest } = await unsigned.readManifest(undefined)
  assert.deepEqual(await unsigned.signatures?.list(digest), [], 'an unsigned image has none')
  return true
}

/** Whatever kind of array its bytes are in. */
function plainManifest(manifest: RawManifest | undefined): unknown {
  return manifest && { ...manifest, bytes: Buffer.from(manifest.bytes).toString() }
}

function plain(signature: StoredSignature): unknown {
  return signature.kind === 'simple'
    ? Buffer.from(signature.bytes).toString('hex')
    : { ...signature, payload: Buffer.from(signature.payload).toString() }
}
