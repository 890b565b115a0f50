import {
  digestOf,
  mediaTypes,
  parseManifest,
  rawManifest,
  type Descriptor,
  type RawManifest,
} from '@transload/contract'
import { describe, expect, it } from 'vitest'

import type { PlannedImage } from './copy-plan.ts'
import { writtenManifest } from './image-manifest.ts'
import type { StoredBlob } from './move-blob.ts'
import { planCopy } from './plan.ts'
import type { ImageManifest } from './select-images.ts'

// Serialisation checked against what skopeo writes for such manifests.
const a = digestOf(Buffer.from('a'))
const b = digestOf(Buffer.from('b'))
const c = digestOf(Buffer.from('c'))

function raw(value: object): RawManifest {
  return rawManifest(Buffer.from(JSON.stringify(value, undefined, 2)))
}

function text({ bytes }: RawManifest): string {
  return Buffer.from(bytes).toString()
}

const docker = raw({
  schemaVersion: 2,
  mediaType: mediaTypes.dockerManifest,
  config: { mediaType: mediaTypes.dockerConfig, size: 1, digest: c },
  layers: [
    { mediaType: mediaTypes.dockerLayerGzip, size: 2, digest: a },
    { mediaType: mediaTypes.dockerForeignLayerGzip, size: 3, digest: b, urls: ['http://x/?a&b'] },
  ],
})

const oci = raw({
  annotations: { z: '1', a: '&' },
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, size: 1, digest: c, annotations: { q: 'r' } },
  layers: [
    { mediaType: mediaTypes.ociLayerGzip, size: 2, digest: a, annotations: { y: '<', x: '1' } },
    { mediaType: mediaTypes.ociLayer, size: 3, digest: b, annotations: { kept: 'no' } },
  ],
})

function planned(source: RawManifest, format: 'oci' | 'docker'): PlannedImage {
  const manifest = parseManifest(source) as ImageManifest
  const image = { raw: source, manifest, layers: manifest.layers, signatures: [] }
  const reference = { scheme: 'test', text: 'to', policyScopes: [] }
  const { images } = planCopy(
    { source: 'test:from', root: source, images: [image] },
    { reference, traits: { keepsForeignLayers: true } },
    {
      images: 'all',
      format,
      preserveDigests: false,
      removeSignatures: false,
      signers: [],
      signIdentity: undefined,
      layers: undefined,
      compressionFormat: undefined,
      encryptor: undefined,
      encryptLayers: [],
      decryptor: undefined,
    },
  )
  return images[0]!
}

function unchanged({ digest, size }: Descriptor): StoredBlob {
  return { digest, size: size!, reused: false }
}

function written(
  source: RawManifest,
  format: 'oci' | 'docker',
  stored: Readonly<Record<string, StoredBlob>> = {},
): string {
  const image = planned(source, format)
  return text(
    writtenManifest(source, image, ({ blob, edit }) =>
      edit === 'skip' ? undefined : (stored[blob.digest] ?? unchanged(blob)),
    ),
  )
}

describe('writtenManifest', () => {
  it('is the source where nothing changed', () => {
    expect(written(oci, 'oci')).toBe(text(oci))
    expect(written(docker, 'docker')).toBe(text(docker))
  })

  it('converts Docker to OCI', () => {
    const config = digestOf(Buffer.from('new config'))
    expect(written(docker, 'oci', { [c]: { digest: config, size: 9, reused: false } })).toBe(
      `{"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}","config":{"mediaType":"${mediaTypes.ociConfig}",` +
        `"digest":"${config}","size":9},"layers":[{"mediaType":"${mediaTypes.ociLayerGzip}","digest":"${a}","size":2},` +
        `{"mediaType":"${mediaTypes.ociForeignLayerGzip}","digest":"${b}","size":3,"urls":["http://x/?a\\u0026b"]}]}`,
    )
  })

  it('converts OCI to Docker, where there are no annotations', () => {
    expect(written(oci, 'docker')).toBe(
      `{"schemaVersion":2,"mediaType":"${mediaTypes.dockerManifest}","config":{"mediaType":"${mediaTypes.dockerConfig}",` +
        `"size":1,"digest":"${c}"},"layers":[{"mediaType":"${mediaTypes.dockerLayerGzip}","size":2,"digest":"${a}"},` +
        `{"mediaType":"${mediaTypes.dockerLayer}","size":3,"digest":"${b}"}]}`,
    )
  })

  it('keeps everything else when a layer was re-encoded', () => {
    expect(written(oci, 'oci', { [b]: { digest: c, size: 7, compression: 'gzip', reused: false } })).toBe(
      `{"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}","config":{"mediaType":"${mediaTypes.ociConfig}",` +
        `"digest":"${c}","size":1,"annotations":{"q":"r"}},"layers":[{"mediaType":"${mediaTypes.ociLayerGzip}",` +
        `"digest":"${a}","size":2,"annotations":{"x":"1","y":"\\u003c"}},{"mediaType":"${mediaTypes.ociLayerGzip}",` +
        `"digest":"${c}","size":7}],"annotations":{"a":"\\u0026","z":"1"}}`,
    )
  })

  it('leaves URLs with the layers left at them', () => {
    const after = JSON.parse(
      written(docker, 'docker', { [a]: { digest: c, size: 7, compression: 'none', reused: false } }),
    )
    expect(after.layers).toEqual([
      { mediaType: mediaTypes.dockerLayer, size: 7, digest: c },
      { mediaType: mediaTypes.dockerForeignLayerGzip, size: 3, digest: b, urls: ['http://x/?a&b'] },
    ])
  })
})
