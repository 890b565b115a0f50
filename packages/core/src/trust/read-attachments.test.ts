import {
  digestOf,
  encodeJson,
  mediaTypes,
  rawManifest,
  type Descriptor,
  type ImageSource,
  type RawManifest,
} from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { expect, test } from 'vitest'

import { signatureTag } from '../attached-tags.ts'
import { readAttachments } from './read-attachments.ts'

const { digest } = fixtureImage().root
const payload = Buffer.from('what is signed')
const annotations = { 'dev.cosignproject.cosign/signature': 'MEUC' }
const layer = { mediaType: mediaTypes.cosignSignature, digest: digestOf(payload), size: payload.length, annotations }

function attachment(layers: readonly Descriptor[]): RawManifest {
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(Buffer.from('{}')), size: 2 }
  return rawManifest(Buffer.from(encodeJson({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers })))
}

/** Has this under the tag, and `bytes` for every blob. */
function sourceOf(tagged: RawManifest | undefined, bytes: Uint8Array = payload): ImageSource {
  return {
    reference: { scheme: 'test', text: 'image', policyScopes: [] },
    readManifest: () => Promise.reject(new Error('nothing else is read')),
    readTagged: async (tag) => (tag === signatureTag(digest) ? tagged : undefined),
    async *readBlob() {
      yield bytes
    },
    async [Symbol.asyncDispose]() {},
  }
}

test('the signatures of an attachment, with their annotations', async () => {
  const source = sourceOf(attachment([layer, { ...layer, mediaType: 'text/plain' }]))
  expect(await readAttachments(source, digest, {})).toEqual([
    { kind: 'sigstore', mediaType: mediaTypes.cosignSignature, payload, annotations },
  ])
})

test('none where there is no attachment, and where the place reads signatures itself', async () => {
  expect(await readAttachments(sourceOf(undefined), digest, {})).toEqual([])
  const itself = { ...sourceOf(attachment([layer])), signatures: { list: async () => [] } }
  expect(await readAttachments(itself, digest, {})).toEqual([])
})

test('nothing other than what the manifest names, and no more than anybody needs', async () => {
  const changed = sourceOf(attachment([layer]), Buffer.from('What is signed'))
  await expect(readAttachments(changed, digest, {})).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  const many = sourceOf(attachment(Array.from({ length: 129 }, () => layer)))
  await expect(readAttachments(many, digest, {})).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})
