import { describe, expect, it } from 'vitest'

import { digestOf } from './digest.ts'
import { rawManifest, type RawManifest } from './manifest.ts'
import { mediaTypes } from './media-types.ts'
import { readSubject, referrerDescriptor } from './referrers.ts'

const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('image')), size: 5 }

function manifest(members: object, mediaType: string = mediaTypes.ociManifest): RawManifest {
  return rawManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...members })), mediaType)
}

describe('the subject', () => {
  it('is a descriptor', () => {
    expect(readSubject(manifest({ subject }))).toEqual(subject)
  })

  it.each([{}, { subject: null }])('of %j is none', (members) => {
    expect(readSubject(manifest(members))).toBeUndefined()
  })

  it('is refused when it is anything else', () => {
    expect(() => readSubject(manifest({ subject: { digest: 'x' } }))).toThrow('invalid digest "x"')
  })
})

describe('a referrer is listed', () => {
  const config = { mediaType: 'application/vnd.test.config', digest: subject.digest, size: 5 }

  it.each<[string, RawManifest, object]>([
    ['with its own artifact type', manifest({ artifactType: 'a/b', config }), { artifactType: 'a/b' }],
    ['with that of its config', manifest({ config, artifactType: '' }), { artifactType: config.mediaType }],
    ['with annotations', manifest({ annotations: { a: 'b' } }), { annotations: { a: 'b' } }],
    ['as an index', manifest({ manifests: [] }, mediaTypes.ociIndex), {}],
  ])('%s', (_, raw, members) => {
    const { mediaType, digest, bytes } = raw
    expect(referrerDescriptor(raw)).toEqual({ mediaType, digest, size: bytes.length, ...members })
  })
})
