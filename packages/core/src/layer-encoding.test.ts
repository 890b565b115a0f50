import { mediaTypes } from '@transload/contract'
import { zstdChunkedAnnotations } from '@transload/formats'
import { describe, expect, it } from 'vitest'

import {
  declaredCompression,
  describedCompression,
  foundCompression,
  editFor,
  layerMediaType,
} from './layer-encoding.ts'

describe('foundCompression', () => {
  it.each([
    ['gzip', [0x1f, 0x8b, 0x08, 0]],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39]],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
    ['none', [0x1f, 0x8b]],
    ['none', []],
  ] as const)('sees %s in %j', (compression, bytes) => {
    expect(foundCompression(Uint8Array.from(bytes), { mediaType: '' })).toBe(compression)
  })

  it('takes the annotation of a table of contents into account, with zstd alone', () => {
    const layer = { mediaType: mediaTypes.ociLayerZstd, annotations: { [zstdChunkedAnnotations.tocDigest]: 'd' } }
    expect(foundCompression(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd]), layer)).toBe('zstd:chunked')
    expect(foundCompression(Uint8Array.from([0x1f, 0x8b, 0x08]), layer)).toBe('gzip')
    expect(describedCompression(layer)).toBe('zstd:chunked')
    expect(describedCompression({ ...layer, mediaType: mediaTypes.ociLayerGzip })).toBe('gzip')
  })
})

describe('editFor', () => {
  it.each([
    ['none', 'as-is', 'none'],
    ['gzip', 'as-is', 'none'],
    ['gzip', 'uncompressed', 'decompress'],
    ['none', 'uncompressed', 'none'],
    ['none', 'compressed', 'gzip'],
    ['zstd', 'compressed', 'none'],
    ['bzip2', 'compressed', 'none'],
    ['gzip', 'gzip', 'none'],
    ['zstd', 'gzip', 'gzip'],
    ['none', 'zstd', 'zstd'],
    ['none', 'zstd:chunked', 'zstd:chunked'],
    ['zstd:chunked', 'zstd', 'none'],
    ['zstd:chunked', 'zstd:chunked', 'none'],
    ['zstd:chunked', 'gzip', 'gzip'],
    ['zstd:chunked', 'compressed', 'none'],
    ['zstd', 'zstd:chunked', 'zstd:chunked'],
    ['bzip2', 'gzip', 'gzip'],
    ['xz', 'uncompressed', 'decompress'],
  ] as const)('turns %s wanted %s into %s', (found, encoding, edit) => {
    expect(editFor(found, encoding)).toBe(edit)
  })
})

describe('layerMediaType', () => {
  const encrypted = `${mediaTypes.ociLayerGzip}+encrypted`

  it.each([
    [mediaTypes.ociLayer, 'oci', 'gzip', mediaTypes.ociLayerGzip],
    [mediaTypes.ociLayerGzip, 'oci', 'none', mediaTypes.ociLayer],
    [mediaTypes.ociLayerGzip, 'oci', 'zstd', mediaTypes.ociLayerZstd],
    [mediaTypes.ociForeignLayerGzip, 'oci', 'none', mediaTypes.ociForeignLayer],
    [mediaTypes.ociForeignLayerGzip, 'docker', undefined, mediaTypes.dockerForeignLayerGzip],
    [mediaTypes.ociLayer, 'docker', undefined, mediaTypes.dockerLayer],
    [mediaTypes.ociLayerZstd, 'docker', 'gzip', mediaTypes.dockerLayerGzip],
    [mediaTypes.dockerLayerGzip, 'oci', undefined, mediaTypes.ociLayerGzip],
    [mediaTypes.dockerLayerZstd, 'oci', undefined, mediaTypes.ociLayerZstd],
    [mediaTypes.dockerLayerZstd, 'docker', undefined, mediaTypes.dockerLayerZstd],
    [mediaTypes.dockerLayer, 'docker', 'gzip', mediaTypes.dockerLayerGzip],
    ['text/plain', 'oci', undefined, 'text/plain'],
    [encrypted, 'oci', undefined, encrypted],
  ] as const)('makes of %s in %s, now %s, %s', (before, format, compression, after) => {
    expect(layerMediaType(before, format, compression)).toBe(after)
  })

  it.each([
    [mediaTypes.ociLayerZstd, undefined, /": zstd compression is not officially supported for docker images$/],
    [mediaTypes.ociLayerGzip, 'zstd', /": zstd compression is not officially supported for docker images$/],
    ['text/plain', undefined, /^Unknown media type during manifest conversion: "text\/plain"$/],
    [encrypted, undefined, /encrypted layers \(".*\+encrypted"\) are not supported in docker images$/],
  ] as const)('refuses %s in a Docker manifest, now %s', (before, compression, message) => {
    expect(() => layerMediaType(before, 'docker', compression)).toThrow(
      expect.objectContaining({ code: 'CONVERSION_IMPOSSIBLE', message: expect.stringMatching(message) }),
    )
  })
})

describe('declaredCompression', () => {
  it('knows nothing of types that are no layers', () => {
    expect(declaredCompression('text/plain')).toBeUndefined()
    expect(declaredCompression(mediaTypes.ociForeignLayerZstd)).toBe('zstd')
  })
})
