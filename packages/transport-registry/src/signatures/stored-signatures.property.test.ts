import { digestOf, isDigest, mediaTypes } from '@transload/contract'
import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseAttachmentManifest } from './attachment.ts'
import { parseKeptSignatures } from './extension.ts'

const kept = { schemaVersion: 2, name: 'x@1', type: 'atomic', content: 'kAECAw==' }
const layer = { mediaType: 'a/b', digest: digestOf(Buffer.from('x')), size: 1, annotations: { a: 'b' } }

test('what a registry keeps is refused with a code, or has signatures', () => {
  fc.assert(
    fc.property(jsonLike([{ signatures: [kept, kept] }]), (text) => {
      const parsed = outcome(() => parseKeptSignatures(text, 'signatures'))
      if ('code' in parsed) expect(parsed.code).toBe('PROTOCOL')
      else expect(parsed.value.every(({ bytes }) => bytes instanceof Uint8Array)).toBe(true)
    }),
  )
})

test('what is attached is refused with a code, or has layers', () => {
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: layer, layers: [layer, layer] }
  fc.assert(
    fc.property(jsonLike([manifest]), (text) => {
      const parsed = outcome(() => parseAttachmentManifest(text, 'attachment'))
      if ('code' in parsed) expect(parsed.code).toBe('MANIFEST_INVALID')
      else expect(parsed.value.layers.every(({ descriptor }) => isDigest(descriptor.digest))).toBe(true)
    }),
  )
})
