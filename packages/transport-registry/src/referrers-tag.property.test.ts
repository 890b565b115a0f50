import { digestOf, isDigest, mediaTypes, parseJsonObject } from '@transload/contract'
import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseEntries } from './referrers-tag.ts'

const listed = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('x')), size: 5, artifactType: 'a/b' }

test('a list of referrers is refused with a code, or has descriptors', () => {
  fc.assert(
    fc.property(jsonLike([{ schemaVersion: 2, manifests: [listed, listed] }]), (text) => {
      const entries = outcome(() => parseEntries(parseJsonObject(text, 'list'), 'list'))
      if ('code' in entries) expect(entries.code).toBe('MANIFEST_INVALID')
      else expect(entries.value.every(({ descriptor }) => isDigest(descriptor.digest))).toBe(true)
    }),
  )
})
