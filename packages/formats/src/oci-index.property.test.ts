import { digestOf, mediaTypes } from '@transload/contract'
import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { chooseOciEntry } from './choose-oci-entry.ts'
import { encodeOciIndex, parseOciIndex, refNameOf, withManifest } from './oci-index.ts'

const manifest = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('x')), size: 1 }
const index = {
  schemaVersion: 2,
  manifests: [
    { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'a:1' }, platform: { os: 'linux' } },
    manifest,
  ],
}

test('an index is refused with a code, or takes a manifest that is then found by its name', () => {
  fc.assert(
    fc.property(jsonLike([index]), (text) => {
      const parsed = outcome(() => parseOciIndex(Buffer.from(text), 'index.json'))
      if ('code' in parsed) {
        expect(parsed.code).toBe('MANIFEST_INVALID')
        return
      }
      const written = parseOciIndex(encodeOciIndex(withManifest(parsed.value, manifest, 'b:2')), 'index.json')
      expect(written.manifests.filter((entry) => refNameOf(entry) === 'b:2')).toHaveLength(1)
      expect(chooseOciEntry(written, { image: 'b:2' }).digest).toBe(manifest.digest)
    }),
  )
})
