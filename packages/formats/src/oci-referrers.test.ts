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
import { emptyOciIndex, withManifest } from './oci-index.ts'
import { OciLayout } from './oci-layout.ts'
import { readOciReferrers, withReferrers } from './oci-referrers.ts'

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
  const index = withReferrers(named, [one, one, two, other, gone])
  expect(index.manifests.map(({ digest }) => digest)).toEqual(
    [image, one, two, other, gone].map(({ digest }) => digest),
  )
  const read = (subject: RawManifest, artifactType?: string): Promise<Descriptor[]> =>
    Array.fromAsync(readOciReferrers(layout, index, subject.digest, { artifactType }))
  expect(await read(image)).toEqual([referrerDescriptor(one), referrerDescriptor(two)])
  expect(await read(image, 'test/two')).toEqual([referrerDescriptor(two)])
  expect(await read(one)).toEqual([referrerDescriptor(other)])
  expect(await read(other)).toEqual([])
})

test('what the index names already is not listed twice', () => {
  const index = withManifest(emptyOciIndex, describe(one), 'signature')
  expect(withReferrers(index, [one])).toEqual(index)
})

function manifest(members: object): RawManifest {
  const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 }
  return rawManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [], ...members })))
}

function describe({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
