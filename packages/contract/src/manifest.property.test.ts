import { bytesLike, fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { isDigest } from './digest.ts'
import { guessMediaType, parseManifest, rawManifest } from './manifest.ts'
import { mediaTypes } from './media-types.ts'

const digest = `sha256:${'a1'.repeat(32)}`
const platform = { os: 'linux', architecture: 'arm', variant: 'v7' }
const samples = [
  {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest, size: 2 },
    layers: [{ mediaType: mediaTypes.ociLayerGzip, digest, size: 3, urls: ['https://a/b'], annotations: { a: 'b' } }],
  },
  {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest, size: 2 },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest, size: 3 }],
  },
  {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: 2, platform }],
  },
  {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerList,
    manifests: [{ mediaType: mediaTypes.dockerManifest, digest, size: 2, platform }],
  },
  {
    schemaVersion: 1,
    name: 'library/app',
    tag: '1',
    architecture: 'amd64',
    fsLayers: [{ blobSum: digest }, { blobSum: digest }],
    history: [
      { v1Compatibility: JSON.stringify({ id: 'b1'.repeat(32), parent: 'c2'.repeat(32), os: 'linux' }) },
      { v1Compatibility: JSON.stringify({ id: 'c2'.repeat(32), throwaway: true }) },
    ],
  },
]
const typed = fc.constantFrom('', ...Object.values(mediaTypes))

test('a manifest of any type is refused with a code, or says sound things', () => {
  fc.assert(
    fc.property(jsonLike(samples), typed, (text, mediaType) => {
      const parsed = outcome(() => parseManifest(rawManifest(Buffer.from(text), mediaType)))
      if ('code' in parsed) {
        expect(parsed.code).toBe('MANIFEST_INVALID')
        return
      }
      const named =
        parsed.value.kind === 'index'
          ? parsed.value.manifests
          : [...('config' in parsed.value ? [parsed.value.config] : []), ...parsed.value.layers]
      for (const blob of named) {
        expect(isDigest(blob.digest)).toBe(true)
        expect('size' in blob ? blob.size : 0).toBeGreaterThanOrEqual(0)
      }
    }),
  )
})

test('the type of any bytes can be guessed at', () => {
  const bytes = bytesLike(samples.map((sample) => Buffer.from(JSON.stringify(sample))))
  fc.assert(
    fc.property(bytes, (given) => {
      expect(guessMediaType(given)).toBeTypeOf('string')
    }),
  )
})
