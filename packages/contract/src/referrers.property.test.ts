import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { digestOf, isDigest } from './digest.ts'
import { rawManifest } from './manifest.ts'
import { mediaTypes } from './media-types.ts'
import { readSubject, referrerDescriptor } from './referrers.ts'

const digest = digestOf(Buffer.from('x'))
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  artifactType: 'test/one',
  config: { mediaType: mediaTypes.ociEmpty, digest, size: 2 },
  layers: [],
  subject: { mediaType: mediaTypes.ociManifest, digest, size: 5 },
  annotations: { a: 'b' },
}

test('a referrer is refused with a code, or says sound things', () => {
  fc.assert(
    fc.property(jsonLike([manifest]), (text) => {
      const raw = rawManifest(Buffer.from(text), mediaTypes.ociManifest)
      const subject = outcome(() => readSubject(raw))
      if ('code' in subject) expect(subject.code).toBe('MANIFEST_INVALID')
      else expect(subject.value === undefined || isDigest(subject.value.digest)).toBe(true)
      const listed = outcome(() => referrerDescriptor(raw))
      if ('code' in listed) expect(listed.code).toBe('MANIFEST_INVALID')
      else expect(listed.value).toMatchObject({ digest: raw.digest, size: raw.bytes.length })
    }),
  )
})
