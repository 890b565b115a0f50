import {
  collect,
  mediaTypes,
  parseManifest,
  TransloadError,
  type Descriptor,
  type DestinationTraits,
  type LayerDecryptor,
  type LayerEncryptor,
  type Stage,
  type Transport,
} from '@transload/contract'
import {
  emptyLayer,
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  memoryTransport,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'

const keyAnnotation = 'org.opencontainers.image.enc.keys.test'
const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }

const invert: Stage = async function* (input) {
  for await (const chunk of input) yield chunk.map((byte) => ~byte)
}
const encryptor: LayerEncryptor = {
  encryptLayer: async () => ({ stage: invert, annotations: () => ({ [keyAnnotation]: 'key' }) }),
}
const decryptor: LayerDecryptor = {
  decryptLayer: async ({ annotations }) => {
    if (annotations?.[keyAnnotation] === 'key') return invert
    throw new TransloadError('DECRYPTION_FAILED', 'no key fits')
  },
}
const forgedDecryptor: LayerDecryptor = {
  decryptLayer: async () =>
    async function* (input) {
      yield* invert(input)
      throw new TransloadError('DECRYPTION_FAILED', 'forged')
    },
}

function place(traits: DestinationTraits = {}): Located {
  const memory = memoryTransport()
  const transport: Transport = {
    ...memory,
    openDestination: async (reference, options) => {
      const destination = await memory.openDestination!(reference, options)
      Object.defineProperty(destination, 'traits', { value: { multiImage: true, ...traits } })
      return destination
    },
  }
  return { transport, reference: transport.parse('image', '/') }
}

async function stored(image: FixtureImage): Promise<Located> {
  const from = place()
  await using destination = await from.transport.openDestination!(from.reference, open)
  await storeImage(destination, image)
  return from
}

async function layersAt({ transport, reference }: Located): Promise<readonly (Descriptor & { bytes: Uint8Array })[]> {
  await using source = await transport.openSource!(reference, open)
  const manifest = parseManifest(await source.readManifest(undefined))
  if (manifest.kind !== 'image') throw new Error('not an image')
  return await Promise.all(
    manifest.layers.map(async (layer) => Object.assign(layer, { bytes: await collect(source.readBlob(layer)) })),
  )
}

const image = fixtureImage({ layers: ['a', 'b', 'c'].map((name) => fixtureLayer(name)) })

describe('encrypted and decrypted again', () => {
  it.each([
    ['every layer', [], [0, 1, 2]],
    ['chosen layers', [1], [1]],
    ['layers counted from the end', [-1, 0, -3], [0, 2]],
  ])('%s', async (_, encryptLayers, expected) => {
    const encrypted = place()
    const cache = createMemoryBlobInfoCache()
    await copyImage(await stored(image), encrypted, { encryptor, encryptLayers, cache })
    const layers = await layersAt(encrypted)
    expect(layers.flatMap(({ annotations }, index) => (annotations?.[keyAnnotation] ? [index] : []))).toEqual(expected)
    expect(layers.map(({ mediaType }) => mediaType)).toEqual(
      layers.map((__, index) => mediaTypes.ociLayerGzip + (expected.includes(index) ? '+encrypted' : '')),
    )
    const decrypted = place()
    const { digest } = await copyImage(encrypted, decrypted, { decryptor, cache })
    expect(digest).toBe(image.root.digest)
    expect(await cache.uncompressed(layers[expected[0]!]!.digest)).toBeUndefined()
  })

  it('an index', async () => {
    const index = fixtureIndex()
    const encrypted = place()
    const result = await copyImage(await stored(index), encrypted, { encryptor, images: 'all' })
    expect(result.digest).not.toBe(index.root.digest)
    const decrypted = await copyImage(encrypted, place(), { decryptor, images: 'all' })
    const root = parseManifest({ ...index.root, bytes: decrypted.bytes })
    const images = root.kind === 'index' ? root.manifests : []
    expect(images.map(({ digest }) => digest)).toEqual(index.children.map(({ digest }) => digest))
  })

  it('a layer compressed first', async () => {
    const plain = fixtureLayer('plain', 'none')
    const encrypted = place({ layers: 'compressed' })
    await copyImage(await stored(fixtureImage({ layers: [plain] })), encrypted, { encryptor })
    const [layer] = await layersAt(encrypted)
    expect(layer!.mediaType).toBe(`${mediaTypes.ociLayerGzip}+encrypted`)
    expect([~layer!.bytes[0]! & 255, ~layer!.bytes[1]! & 255]).toEqual([0x1f, 0x8b])

    const decrypted = place({ layers: 'uncompressed', manifestTypes: [mediaTypes.dockerManifest] })
    await copyImage(encrypted, decrypted, { decryptor })
    expect(await layersAt(decrypted)).toMatchObject([{ mediaType: mediaTypes.dockerLayer, digest: plain.digest }])
  })

  it('a layer that was not compressed, which stays so', async () => {
    const plain = fixtureImage({ layers: [fixtureLayer('plain', 'none')] })
    const encrypted = place()
    await copyImage(await stored(plain), encrypted, { encryptor })
    const { digest } = await copyImage(encrypted, place({ layers: 'compressed' }), { decryptor })
    expect(digest).toBe(plain.root.digest)
  })
})

describe('encrypted layers', () => {
  it('are not encrypted again', async () => {
    const once = place()
    const { digest } = await copyImage(await stored(image), once, { encryptor, encryptLayers: [0] })
    const { digest: again } = await copyImage(once, place(), { encryptor, encryptLayers: [0] })
    expect(again).toBe(digest)
  })

  it('are copied as they are without a key, to places that take them', async () => {
    const encrypted = place()
    const { digest } = await copyImage(await stored(image), encrypted, { encryptor })
    expect((await copyImage(encrypted, place({ layers: 'uncompressed' }))).digest).toBe(digest)
    await expect(copyImage(encrypted, place({ manifestTypes: [mediaTypes.dockerManifest] }))).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: `encryption required but the destination only supports MIME types [${mediaTypes.dockerManifest}], none of which support encryption`,
    })
  })

  it('fail the copy without the right key, and when they were tampered with', async () => {
    const encrypted = place()
    await copyImage(await stored(fixtureImage({ layers: [emptyLayer()] })), encrypted, { encryptor })
    const [layer] = await layersAt(encrypted)
    const other: LayerDecryptor = {
      decryptLayer: (descriptor) => decryptor.decryptLayer({ ...descriptor, annotations: {} }),
    }
    await expect(copyImage(encrypted, place(), { decryptor: other })).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
      message: `decrypting layer ${layer!.digest}: no key fits`,
    })
    const to = place()
    await expect(copyImage(encrypted, to, { decryptor: forgedDecryptor })).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
      message: 'writing blob: happened during read: forged',
    })
    await expect(layersAt(to)).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
  })
})

describe('refuses', () => {
  const { dockerManifest } = mediaTypes
  it.each([
    [
      'a layer that is not there',
      { encryptLayers: [3] },
      {},
      'when choosing layers to encrypt, layer index 3 out of range (3 layers exist)',
    ],
    [
      'a format without encrypted layers',
      { format: 'docker' },
      {},
      `encryption required together with format ${dockerManifest}, which does not support encryption`,
    ],
    [
      'a format without either',
      { format: 'docker', compressionFormat: 'zstd' },
      { layers: 'compressed' },
      `compression using zstd, and encryption, required together with format ${dockerManifest}, which does not support both`,
    ],
    [
      'to change digests that are to stay',
      { preserveDigests: true },
      {},
      `layer ${fixtureLayer('a').digest} should be encrypted, but we can’t modify the manifest: Instructed to preserve digests`,
    ],
    ['both at once', { decryptor }, {}, 'Unable to support both decryption and encryption in the same copy'],
  ] as const)('%s', async (_, options, traits, message) => {
    await expect(copyImage(await stored(image), place(traits), { encryptor, ...options })).rejects.toThrow(message)
  })

  it('layers that have no encrypted type', async () => {
    await expect(copyImage(await stored(fixtureArtifact()), place(), { encryptor })).rejects.toThrow(
      /error preparing updated manifest: encryption specified but no counterpart for mediatype: "/,
    )
  })
})
