import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

import {
  digestOf,
  mediaTypes,
  rawManifest,
  referrerDescriptor,
  type Descriptor,
  type RawManifest,
} from '@transload/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { DirectoryTree } from './directory-tree.ts'
import { OciCompanions } from './oci-companions.ts'
import { emptyOciIndex, withManifest, type OciIndex } from './oci-index.ts'
import { OciLayout } from './oci-layout.ts'
import { findLoneImage, withCompanions } from './oci-referrers.ts'

let root: string
let layout: OciLayout
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
  layout = new OciLayout(new DirectoryTree(join(root, 'layout')))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

const image = manifest({})
const one = manifest({ subject: describe(image), artifactType: 'test/one' })
const two = manifest({ subject: describe(image), artifactType: 'test/two', annotations: { a: 'b' } })
const other = manifest({ subject: describe(one), artifactType: 'test/one' })

test('are what the index lists and refers to the subject', async () => {
  for (const { bytes, digest } of [image, one, two, other]) await layout.writeBlob(bytes, () => digest)
  const gone = manifest({ subject: describe(image), artifactType: 'test/gone' })
  const named = withManifest(emptyOciIndex, describe(image), 'v1')
  const index = withCompanions(
    named,
    [one, one, two, other, gone].map((each) => ({ manifest: each })),
  )
  expect(index.manifests.map(({ digest }) => digest)).toEqual(
    [image, one, two, other, gone].map(({ digest }) => digest),
  )
  const read = readerOf(index)
  expect(await read(image)).toEqual([referrerDescriptor(one), referrerDescriptor(two)])
  expect(await read(image, 'test/two')).toEqual([referrerDescriptor(two)])
  expect(await read(one)).toEqual([referrerDescriptor(other)])
  expect(await read(other)).toEqual([])
})

test('are also in an index named as the tag that lists them in a registry', async () => {
  const list = rawManifest(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [describe(two)] })),
  )
  for (const { bytes, digest } of [image, one, two, list]) await layout.writeBlob(bytes, () => digest)
  const named = withManifest(emptyOciIndex, describe(list), image.digest.replace(':', '-'))
  const read = readerOf(withManifest(named, describe(one)))
  expect(await read(image)).toEqual([referrerDescriptor(one), referrerDescriptor(two)])
})

test('each manifest is read once for all subjects, and again after that failed', async () => {
  const index = withCompanions(emptyOciIndex, [{ manifest: one }, { manifest: other }])
  for (const { bytes, digest } of [one, other]) await layout.writeBlob(bytes, () => digest)
  const read = readerOf(index)
  await expect(read(image, undefined, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped')
  expect(await read(image)).toEqual([referrerDescriptor(one)])
  await layout.removeBlob(one.digest)
  expect(await read(one)).toEqual([referrerDescriptor(other)])
})

test('what the index names already is not listed twice, in either order', () => {
  const index = withManifest(emptyOciIndex, describe(one), 'signature')
  expect(withCompanions(index, [{ manifest: one }])).toEqual(index)
  const both = [{ manifest: one }, { manifest: one, name: 'signature' }]
  expect(withCompanions(emptyOciIndex, both)).toEqual(index)
  const twice = withCompanions(index, [{ manifest: one, name: 'other' }])
  expect(twice.manifests.map(({ annotations }) => Object.values(annotations!))).toEqual([['signature'], ['other']])
})

test('the only image is the one that what else there is goes along with', async () => {
  const child = manifest({ annotations: { a: 'child' } })
  const ofChild = manifest({ subject: describe(child) })
  const ofNothing = manifest({ subject: describe(manifest({ annotations: { a: 'absent' } })) })
  for (const { bytes, digest } of [image, one, child, ofChild, ofNothing]) await layout.writeBlob(bytes, () => digest)
  const digestTag = image.digest.replace(':', '-')
  const companions = [
    { manifest: one },
    { manifest: ofChild },
    { manifest: two, name: digestTag },
    { manifest: other, name: `${digestTag}.sig` },
  ]
  const along = withCompanions(emptyOciIndex, companions)
  expect(await findLoneImage(layout, along)).toBeUndefined()
  expect(await findLoneImage(layout, withManifest(along, describe(image)))).toEqual(describe(image))
  expect(await findLoneImage(layout, withManifest(along, describe(ofNothing)))).toEqual(describe(ofNothing))
  const several = withManifest(withManifest(along, describe(image), 'v1'), describe(image), 'v2')
  expect(await findLoneImage(layout, several)).toBeUndefined()
})

test('a tag is read by its name', async () => {
  const index = withCompanions(emptyOciIndex, [
    { manifest: one, name: 'one' },
    { manifest: two, name: 'gone' },
  ])
  await layout.writeBlob(one.bytes, () => one.digest)
  const companions = new OciCompanions(layout, index)
  expect(await companions.readTagged('one')).toEqual(one)
  expect(await companions.readTagged('none')).toBeUndefined()
  expect(await companions.readTagged('gone')).toBeUndefined()
  await layout.writeBlob(two.bytes, () => one.digest)
  await expect(companions.readTagged('one')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

function readerOf(
  index: OciIndex,
): (subject: RawManifest, artifactType?: string, signal?: AbortSignal) => Promise<Descriptor[]> {
  const companions = new OciCompanions(layout, index)
  return (subject, artifactType, signal) =>
    Array.fromAsync(companions.readReferrers(subject.digest, { artifactType, signal }))
}

function manifest(members: object): RawManifest {
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 }
  return rawManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [], ...members })))
}

function describe({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
