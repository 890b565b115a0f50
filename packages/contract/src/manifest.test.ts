import { describe, expect, test } from 'vitest'

import { guessMediaType, parseDescriptor, parseManifest, rawManifest } from './manifest.ts'
import { mediaTypes } from './media-types.ts'

const digest = `sha256:${'0'.repeat(64)}`
const ociConfig = { mediaType: mediaTypes.ociConfig, digest, size: 2 }
const dockerConfig = { mediaType: mediaTypes.dockerConfig, digest, size: 2 }
const ociLayer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 3 }
const dockerLayer = { mediaType: mediaTypes.dockerLayerGzip, digest, size: 3 }

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))

describe('the type of a manifest is guessed', () => {
  test.each([
    [{ schemaVersion: 2, mediaType: mediaTypes.dockerList }, mediaTypes.dockerList],
    [{ schemaVersion: 2, config: ociConfig }, mediaTypes.ociManifest],
    [{ schemaVersion: 2, config: dockerConfig }, mediaTypes.dockerManifest],
    [{ schemaVersion: 2, manifests: [ociConfig] }, mediaTypes.ociIndex],
    [{ schemaVersion: 2 }, mediaTypes.ociManifest],
    [{ schemaVersion: 1 }, mediaTypes.dockerSchema1],
    [{ schemaVersion: 1, signatures: [] }, mediaTypes.dockerSchema1Signed],
    [{ schemaVersion: 3 }, ''],
    [{}, ''],
    ['text', ''],
  ])('%j: %s', (value, mediaType) => {
    expect(guessMediaType(bytesOf(value))).toBe(mediaType)
  })
})

test('an image has a config and layers, duplicates and all', () => {
  const raw = rawManifest(bytesOf({ schemaVersion: 2, config: ociConfig, layers: [ociLayer, ociLayer] }))
  expect(raw.mediaType).toBe(mediaTypes.ociManifest)
  expect(parseManifest(raw)).toEqual({ kind: 'image', format: 'oci', config: ociConfig, layers: [ociLayer, ociLayer] })
})

test('an index has manifests with platforms', () => {
  const platform = { os: 'linux', architecture: 'arm', variant: 'v7' }
  const entry = { mediaType: mediaTypes.dockerManifest, digest, size: 3, platform }
  const raw = rawManifest(bytesOf({ schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests: [entry] }))
  expect(parseManifest(raw)).toEqual({ kind: 'index', format: 'docker', manifests: [entry] })
})

describe('an artifact says what it is', () => {
  test.each([
    [{ artifactType: 'text/x-note' }, 'text/x-note'],
    [{}, mediaTypes.ociEmpty],
  ])('%j: %s', (members, artifactType) => {
    const config = { mediaType: mediaTypes.ociEmpty, digest, size: 2 }
    const bytes = bytesOf({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [], ...members })
    expect(parseManifest(rawManifest(bytes))).toMatchObject({ artifactType })
  })
})

describe('what another parser could read otherwise is refused', () => {
  test.each([
    [mediaTypes.ociManifest, { config: ociConfig, layers: [], manifests: [] }, 'ambiguous manifest'],
    [mediaTypes.ociManifest, { config: ociConfig, layers: [], Layers: [ociLayer] }, 'ambiguous manifest'],
    [mediaTypes.ociIndex, { manifests: [], layers: [] }, 'ambiguous manifest'],
    [mediaTypes.dockerManifest, { config: dockerConfig, layers: [ociLayer] }, 'unsupported docker v2s2 media type'],
    [mediaTypes.ociManifest, { layers: [] }, 'is missing or not a descriptor'],
    [mediaTypes.ociManifest, { config: ociConfig, layers: {} }, 'is not a list'],
    [mediaTypes.dockerSchema1, { schemaVersion: 1, fsLayers: [], config: {} }, 'ambiguous manifest'],
    [mediaTypes.dockerSchema1, { fsLayers: [] }, 'unsupported schema version 2'],
    ['text/plain', {}, 'has unknown type'],
  ])('%s %j', (mediaType, members, problem) => {
    const parse = () => parseManifest(rawManifest(bytesOf({ schemaVersion: 2, ...members }), mediaType))
    expect(parse).toThrow(problem)
    expect(parse).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
  })

  test('but a Docker manifest with Docker layers is not', () => {
    const bytes = bytesOf({ schemaVersion: 2, config: dockerConfig, layers: [dockerLayer] })
    expect(parseManifest(rawManifest(bytes))).toMatchObject({ format: 'docker', layers: [dockerLayer] })
  })
})

describe('a descriptor of untrusted JSON', () => {
  test.each([
    [null, 'missing or not a descriptor'],
    [{ digest: 'sha256:x', size: 1 }, 'invalid digest'],
    [{ digest, size: -1 }, 'invalid size'],
    [{ digest, size: 1.5 }, 'invalid size'],
    [{ digest, size: 2 ** 53 }, 'invalid size'],
    [{ digest, size: '1' }, 'invalid size'],
    [{ digest, size: 1, mediaType: 1 }, 'mediaType is not a string'],
  ])('%j is refused', (value, problem) => {
    expect(() => parseDescriptor(value, 'layer')).toThrow(problem)
  })

  test('keeps what is well-formed of the rest', () => {
    const value = { ...ociLayer, urls: ['http://a/', 1], annotations: { a: 1 }, platform: 'linux', extra: true }
    expect(parseDescriptor(value, 'layer')).toEqual({ ...ociLayer, urls: ['http://a/'] })
  })
})
