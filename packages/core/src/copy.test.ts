import { gunzipSync } from 'node:zlib'

import {
  collect,
  digestOf,
  HttpError,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type ImageReference,
  type Manifest,
  type OutgoingBlob,
  type RawManifest,
  type StoredSignature,
  type Transport,
} from '@transload/contract'
import { zstdChunkedAnnotations } from '@transload/formats'
import {
  attestedIndex,
  emptyLayer,
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  foreignLayer,
  memoryTransport,
  nestedIndex,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyOptions } from './copy-options.ts'
import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'
import type { TransferEvent } from './progress.ts'
import { zstdAnnotation } from './select-instance.ts'

const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }

function at(transport: Transport, text: string): Located {
  return { transport, reference: transport.parse(text, '/') }
}

async function stored(image: FixtureImage, signatures: readonly StoredSignature[] = []): Promise<Located> {
  const from = at(memoryTransport(), 'source')
  await using destination = await from.transport.openDestination!(from.reference, open)
  if (signatures.length > 0) await destination.signatures!.replace(image.root.digest, signatures)
  await storeImage(destination, image)
  return from
}

/** A place with the given traits that keeps what it is given, and what had been there before `commit`. */
class Shelf implements ImageDestination {
  readonly reference: ImageReference = { scheme: 'shelf', text: 'image', policyScopes: [] }
  readonly blobs = new Map<Digest, Uint8Array>()
  readonly manifests: RawManifest[] = []
  readonly written: OutgoingBlob[] = []
  readonly traits: DestinationTraits
  committed = false
  readonly #reusable: readonly Digest[]

  constructor(traits: DestinationTraits, reusable: readonly Digest[] = []) {
    this.traits = traits
    this.#reusable = reusable
  }

  get located(): Located {
    const transport: Transport = {
      scheme: 'shelf',
      parse: () => this.reference,
      openDestination: () => Promise.resolve(this),
    }
    return { transport, reference: this.reference }
  }

  async writeBlob(blob: OutgoingBlob): Promise<void> {
    this.written.push(blob)
    const bytes = await collect(blob.body)
    const { digest, size } = blob.written()
    if (digest !== digestOf(bytes) || size !== bytes.length) throw new Error('written() is not what was written')
    this.blobs.set(digest, bytes)
  }

  reuseBlob(blob: Descriptor): Promise<Descriptor | undefined> {
    return Promise.resolve(this.#reusable.includes(blob.digest) ? blob : undefined)
  }

  writeManifest(manifest: RawManifest): Promise<void> {
    this.manifests.push(manifest)
    return Promise.resolve()
  }

  commit(): Promise<void> {
    this.committed = true
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

describe('a copy without changes', () => {
  it.each([
    ['an OCI image', fixtureImage()],
    ['a Docker image', fixtureImage({ format: 'docker' })],
    ['an image with duplicate layers', fixtureImage({ layers: [emptyLayer(), fixtureLayer('x'), emptyLayer()] })],
    ['an image without layers', fixtureImage({ layers: [] })],
    ['an artifact', fixtureArtifact()],
    ['an OCI index', fixtureIndex('oci')],
    ['a Docker list', fixtureIndex('docker')],
  ])('leaves %s what it was, byte for byte', async (_, image) => {
    const shelf = new Shelf({ multiImage: true })
    const result = await copyImage(await stored(image), shelf.located, { images: 'all' })
    expect(result).toMatchObject({
      digest: image.root.digest,
      mediaType: image.root.mediaType,
      bytes: image.root.bytes,
    })
    expect(shelf.manifests).toEqual([...image.children, image.root])
    expect(new Set(shelf.blobs.keys())).toEqual(new Set(image.blobs.map(({ descriptor }) => descriptor.digest)))
    expect(shelf.written).toHaveLength(image.blobs.length)
    expect(result.blobs).toEqual({
      copied: image.blobs.length,
      reused: 0,
      bytes: image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size!, 0),
    })
    expect(shelf.committed).toBe(true)
  })

  it('leaves foreign layers at their URLs', async () => {
    const image = fixtureImage({ layers: [fixtureLayer('here'), foreignLayer()] })
    const shelf = new Shelf({ keepsForeignLayers: true, layers: 'compressed' })
    const { digest } = await copyImage(await stored(image), shelf.located)
    expect(digest).toBe(image.root.digest)
    expect(shelf.written).toHaveLength(2)
  })

  it('moves nothing that is there already', async () => {
    const image = fixtureImage()
    const there = image.blobs.map(({ descriptor }) => descriptor.digest)
    const shelf = new Shelf({}, there.slice(1))
    const { blobs } = await copyImage(await stored(image), shelf.located)
    expect(blobs).toMatchObject({ copied: 1, reused: there.length - 1 })
    expect(shelf.written.map(({ digest }) => digest)).toEqual([there[0]])
  })

  it('writes nothing in a dry run', async () => {
    const image = fixtureImage()
    const shelf = new Shelf({})
    const result = await copyImage(await stored(image), shelf.located, { dryRun: true })
    expect(result).toMatchObject({ digest: image.root.digest, bytes: image.root.bytes, blobs: { copied: 0 } })
    expect([shelf.written, shelf.manifests, shelf.committed]).toEqual([[], [], false])
  })
})

describe('layers', () => {
  const tar = fixtureLayer('plain', 'none')

  it('are compressed for a place that wants that, and the manifest says so', async () => {
    const shelf = new Shelf({ layers: 'compressed', manifestTypes: [mediaTypes.ociManifest] })
    const cache = createMemoryBlobInfoCache()
    await copyImage(await stored(fixtureImage({ layers: [tar, fixtureLayer('b')] })), shelf.located, { cache })
    const manifest = parseManifest(shelf.manifests[0]!)
    const layers = manifest.kind === 'image' ? manifest.layers : []
    expect(layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip])
    const { digest, size } = layers[0]!
    expect(digestOf(gunzipSync(shelf.blobs.get(digest)!))).toBe(tar.digest)
    expect(shelf.blobs.get(digest)).toHaveLength(size!)
    expect(await cache.uncompressed(digest)).toBe(tar.digest)
  })

  it.each(['gzip', 'zstd'] as const)('are decompressed from %s', async (compression) => {
    const layer = fixtureLayer('packed', compression)
    const shelf = new Shelf({ layers: 'uncompressed', manifestTypes: [mediaTypes.dockerManifest] })
    const cache = createMemoryBlobInfoCache()
    await copyImage(await stored(fixtureImage({ layers: [layer] })), shelf.located, { cache })
    expect(parseManifest(shelf.manifests[0]!)).toMatchObject({
      format: 'docker',
      layers: [{ mediaType: mediaTypes.dockerLayer, digest: layer.diffId }],
    })
    expect(await cache.uncompressed(layer.digest)).toBe(layer.diffId)
  })

  it('are recompressed when a format is asked for', async () => {
    const layer = fixtureLayer('gzip before')
    const shelf = new Shelf({ layers: 'compressed' })
    const cache = createMemoryBlobInfoCache()
    const options = { compressionFormat: 'zstd', cache } as const
    await copyImage(await stored(fixtureImage({ format: 'docker', layers: [layer] })), shelf.located, options)
    const manifest = parseManifest(shelf.manifests[0]!)
    expect(manifest).toMatchObject({ format: 'oci', layers: [{ mediaType: mediaTypes.ociLayerZstd }] })
    const made = manifest.kind === 'image' ? manifest.layers[0]! : undefined
    expect(await cache.uncompressed(made!.digest)).toBe(layer.diffId)
  })

  it('are looked at: bytes that are not what the media type says decide', async () => {
    const shelf = new Shelf({ layers: 'compressed' })
    const mistyped = fixtureImage({ layers: [{ ...tar, compression: 'gzip' }] })
    await copyImage(await stored(mistyped), shelf.located)
    const manifest = parseManifest(shelf.manifests[0]!)
    const made = manifest.kind === 'image' ? manifest.layers[0]! : undefined
    expect(digestOf(gunzipSync(shelf.blobs.get(made!.digest)!))).toBe(tar.digest)
  })

  it('say where their table of contents is when they become zstd:chunked', async () => {
    const shelf = new Shelf({ layers: 'compressed' })
    const options = { compressionFormat: 'zstd:chunked' } as const
    await copyImage(await stored(fixtureImage({ layers: [tar, fixtureLayer('packed')] })), shelf.located, options)
    const manifest = parseManifest(shelf.manifests[0]!)
    const layers = manifest.kind === 'image' ? manifest.layers : []
    expect(layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.ociLayerZstd, mediaTypes.ociLayerZstd])
    for (const { annotations = {}, digest } of layers) {
      expect(Object.keys(annotations)).toHaveLength(3)
      const [offset, size] = annotations[zstdChunkedAnnotations.tocPosition]!.split(':').map(Number)
      const toc = shelf.blobs.get(digest)!.subarray(offset, offset! + size!)
      expect(digestOf(toc)).toBe(annotations[zstdChunkedAnnotations.tocDigest])
    }
  })

  it('in bzip2 are re-encoded like any other when a format is asked for, and else stay', async () => {
    // `BZh9…` of a tar's end, 1024 zeros, by bzip2 1.0.8.
    const bytes = Buffer.from(
      '425a683931415926535974f5adf70000044000c0000008200030802a6945ac38bb9229c28483a7ad6fb8',
      'hex',
    )
    const digest = digestOf(bytes)
    const layer = {
      compression: 'gzip',
      digest,
      size: bytes.length,
      diffId: digestOf(Buffer.alloc(1024)),
      open: async function* () {
        yield bytes
      },
    } as const
    const image = fixtureImage({ layers: [layer] })
    const [kept, made] = [new Shelf({ layers: 'compressed' }), new Shelf({ layers: 'compressed' })]
    expect((await copyImage(await stored(image), kept.located)).digest).toBe(image.root.digest)
    await copyImage(await stored(image), made.located, { compressionFormat: 'gzip' })
    const packed = made.written.findLast(({ role }) => role === 'layer')!
    expect(gunzipSync(made.blobs.get(packed.written().digest)!)).toEqual(Buffer.alloc(1024))
  })

  it('are not sent again when their digests are computed first', async () => {
    const image = fixtureImage({ layers: [tar] })
    const first = new Shelf({ layers: 'compressed' })
    await copyImage(await stored(image), first.located)
    const made = first.written.find(({ role }) => role === 'layer')!.written()
    const [known, fresh] = [new Shelf({ layers: 'compressed' }, [made.digest]), new Shelf({ layers: 'compressed' })]
    const options = { precomputeDigests: true, tempDirectory: '/tmp' }
    const again = await copyImage(await stored(image), known.located, options)
    expect(known.written.map(({ role }) => role)).toEqual(['config'])
    const sent = await copyImage(await stored(image), fresh.located, options)
    expect(fresh.written.find(({ role }) => role === 'layer')).toMatchObject({ digest: made.digest, size: made.size })
    expect([again.digest, again.blobs.reused, sent.digest]).toEqual([sent.digest, 1, sent.digest])
  })

  it('that are compressed already stay as they are, whatever the media type says', async () => {
    const mistyped = fixtureImage({ layers: [{ ...fixtureLayer('packed'), compression: 'none' }] })
    const shelf = new Shelf({ layers: 'compressed' })
    const { digest } = await copyImage(await stored(mistyped), shelf.located)
    expect(digest).toBe(mistyped.root.digest)
  })

  it('reused in another compression are not in the forced one', async () => {
    const layer = fixtureLayer('already there')
    const shelf = new Shelf({ layers: 'compressed' }, [layer.digest])
    const from = await stored(fixtureImage({ layers: [layer] }))
    const forced = { compressionFormat: 'zstd', forceCompressionFormat: true } as const
    expect((await copyImage(from, shelf.located, { compressionFormat: 'zstd' })).blobs.reused).toBe(1)
    expect((await copyImage(from, shelf.located, forced)).blobs.reused).toBe(0)
  })
})

describe('an index', () => {
  it('gives the image for the platform', async () => {
    const index = fixtureIndex()
    const shelf = new Shelf({})
    const platform = { os: 'linux', architecture: 'arm64' }
    const { digest, plan } = await copyImage(await stored(index), shelf.located, { platform })
    expect(digest).toBe(index.children[1]!.digest)
    expect(plan).toMatchObject({ images: [{ path: [1], platform: { architecture: 'arm64', variant: 'v8' } }] })
    expect(plan.index).toBeUndefined()
  })

  it('is rewritten when its images are, and marks those with zstd', async () => {
    const shelf = new Shelf({
      multiImage: true,
      manifestTypes: [mediaTypes.ociManifest, mediaTypes.ociIndex],
      layers: 'compressed',
    })
    const options = { images: 'all', compressionFormat: 'zstd' } as const
    await copyImage(await stored(fixtureIndex('docker')), shelf.located, options)
    const root = parseManifest(shelf.manifests.at(-1)!)
    const entries = root.kind === 'index' ? root.manifests : []
    expect(entries.map(({ digest }) => digest)).toEqual(shelf.manifests.slice(0, 3).map(({ digest }) => digest))
    expect(entries.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64', 'arm'])
    expect(entries.every(({ annotations }) => annotations?.[zstdAnnotation] === 'true')).toBe(true)
  })

  it('can be copied by itself', async () => {
    const index = fixtureIndex()
    const shelf = new Shelf({ multiImage: true })
    const { digest, blobs } = await copyImage(await stored(index), shelf.located, { images: 'index-only' })
    expect(digest).toBe(index.root.digest)
    expect(blobs).toEqual({ copied: 0, reused: 0, bytes: 0 })
    expect(shelf.manifests).toEqual([index.root])
  })
})

async function copyOntoShelf(index: FixtureImage, images: CopyOptions['images'], options: CopyOptions = {}) {
  const shelf = new Shelf({ multiImage: true })
  const result = await copyImage(await stored(index), shelf.located, { images, ...options })
  return { ...result, shelf, written: shelf.manifests.map(({ digest }) => digest) }
}

function entriesOf(raw: RawManifest): readonly Descriptor[] {
  const manifest = parseManifest(raw)
  return manifest.kind === 'index' ? manifest.manifests : []
}

describe('some images of an index', () => {
  const arm64 = { os: 'linux', architecture: 'arm64' }

  it('leave the index as it is', async () => {
    const index = fixtureIndex()
    const { written, plan } = await copyOntoShelf(index, { platforms: [arm64] })
    expect(written).toEqual([index.children[1]!.digest, index.root.digest])
    expect(plan).toMatchObject({ index: { listed: 3, others: 'keep' }, images: [{ path: [1] }] })
  })

  it('are all that is left of it, if told so', async () => {
    const index = fixtureIndex()
    const { written, shelf, digest } = await copyOntoShelf(index, { platforms: [arm64], others: 'strip' })
    const root = shelf.manifests.at(-1)!
    expect(written).toEqual([index.children[1]!.digest, root.digest])
    expect(digest).toBe(root.digest)
    expect(entriesOf(root)).toEqual(entriesOf(index.root).slice(1, 2))
  })

  it('take their attestations with them', async () => {
    const index = attestedIndex()
    const { shelf } = await copyOntoShelf(index, { platforms: [arm64], others: 'strip' })
    const before = entriesOf(index.root)
    expect(entriesOf(shelf.manifests.at(-1)!)).toEqual([before[1], before[3]])
    expect(shelf.manifests.map(({ digest }) => digest)).toContain(before[3]!.digest)
  })

  it('keep their attestations when they change', async () => {
    const { shelf } = await copyOntoShelf(attestedIndex(), 'all', { layers: 'uncompressed' })
    const [amd64, arm, ...attestations] = entriesOf(shelf.manifests.at(-1)!)
    expect(attestations.map(({ annotations }) => annotations?.['vnd.docker.reference.digest'])).toEqual([
      amd64!.digest,
      arm!.digest,
    ])
  })

  it("cannot have attestations in Docker's format, and it is said why", async () => {
    await expect(copyOntoShelf(attestedIndex(), 'all', { format: 'docker' })).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: expect.stringMatching(/^copying image 3\/4 from manifest list: /),
      hint: expect.stringContaining('attestation'),
    })
  })

  it('in an index in it come with that', async () => {
    const index = nestedIndex()
    const inner = fixtureIndex()
    const sparse = await copyOntoShelf(index, { platforms: [arm64] })
    expect(sparse.written).toEqual([inner.children[1]!.digest, inner.root.digest, index.root.digest])
    const stripped = await copyOntoShelf(index, { platforms: [arm64], others: 'strip' })
    const [, middle, root] = stripped.shelf.manifests
    expect(entriesOf(middle!)).toHaveLength(1)
    expect(entriesOf(root!).map(({ digest }) => digest)).toEqual([middle!.digest])
  })

  it.each([
    ['a platform that is missing', { platforms: [{ os: 'linux', architecture: 'mips' }] }, {}, /no instances found/],
    ['nothing at all', { platforms: [], others: 'strip' }, {}, /would create an empty image$/],
    [
      'leaving out what must stay',
      { platforms: [arm64], others: 'strip' },
      { preserveDigests: true },
      /we should delete instance sha256:.* from manifest list, but we cannot: Instructed to preserve digests$/,
    ],
  ] as const)('refuses %s', async (_, images, options, message) => {
    await expect(copyOntoShelf(fixtureIndex(), images, options)).rejects.toThrow(message)
  })
})

describe('a destination that takes an index only with its images', () => {
  class Strict extends Shelf {
    override async writeManifest(manifest: RawManifest): Promise<void> {
      const held = new Set(this.manifests.map(({ digest }) => digest))
      if (entriesOf(manifest).some(({ digest }) => !held.has(digest))) {
        const options = { status: 404, serverCodes: ['MANIFEST_BLOB_UNKNOWN'] }
        throw new HttpError('BLOB_UNKNOWN', 'blob unknown to registry', options)
      }
      await super.writeManifest(manifest)
    }
  }
  const platforms = [{ os: 'linux', architecture: 'arm64' }]

  it('fails the copy of some, and it is said what to do', async () => {
    const copy = copyImage(await stored(fixtureIndex()), new Strict({ multiImage: true }).located, {
      images: { platforms },
    })
    await expect(copy).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
      message: 'writing manifest: blob unknown to registry',
      hint: expect.stringContaining('--strip-removed-platforms'),
    })
  })

  it('takes it stripped', async () => {
    const strict = new Strict({ multiImage: true })
    await copyImage(await stored(nestedIndex()), strict.located, { images: { platforms, others: 'strip' } })
    expect(strict.committed).toBe(true)
  })
})

describe('indexes in an index', () => {
  it('are copied as they are', async () => {
    const index = nestedIndex()
    const shelf = new Shelf({ multiImage: true })
    await copyImage(await stored(index), shelf.located, { images: 'all' })
    expect(shelf.manifests.slice(-2).map(({ digest }) => digest)).toEqual([
      fixtureIndex().root.digest,
      index.root.digest,
    ])
    expect(shelf.manifests).toHaveLength(6)
  })

  it('are rewritten before the one they are in', async () => {
    const shelf = new Shelf({ multiImage: true, manifestTypes: [mediaTypes.dockerManifest, mediaTypes.dockerList] })
    await copyImage(await stored(nestedIndex()), shelf.located, { images: 'all' })
    const [inner, outer] = shelf.manifests.slice(-2).map((raw) => parseManifest(raw))
    const digests = shelf.manifests.map(({ digest }) => digest)
    expect(inner).toMatchObject({ format: 'docker', manifests: [{}, {}, {}] })
    expect(outer).toMatchObject({ format: 'docker', manifests: [{ digest: digests[0] }, { digest: digests[4] }] })
  })

  it('are looked into for one platform', async () => {
    const shelf = new Shelf({})
    const platform = { os: 'linux', architecture: 'arm64' }
    const { digest } = await copyImage(await stored(nestedIndex()), shelf.located, { platform })
    expect(digest).toBe(fixtureIndex().children[1]!.digest)
  })
})

describe('a destination that turns a manifest down', () => {
  class Old extends Shelf {
    readonly #refused: readonly string[]

    constructor(traits: DestinationTraits, refused: readonly string[]) {
      super(traits)
      this.#refused = refused
    }

    override async writeManifest(manifest: RawManifest): Promise<void> {
      const { mediaType } = manifest
      if (this.#refused.includes(mediaType)) {
        throw new HttpError('PROTOCOL', `no ${mediaType} here`, { status: 400, serverCodes: ['MANIFEST_INVALID'] })
      }
      await super.writeManifest(manifest)
    }
  }

  const refusesOci = [mediaTypes.ociManifest, mediaTypes.ociIndex]

  it('gets the image in the other format', async () => {
    const old = new Old({}, refusesOci)
    const { mediaType } = await copyImage(await stored(fixtureImage()), old.located)
    expect(mediaType).toBe(mediaTypes.dockerManifest)
    expect(old.manifests.map((manifest) => manifest.mediaType)).toEqual([mediaTypes.dockerManifest])
    expect(old.committed).toBe(true)
  })

  it('gets the image in schema 1 if need be', async () => {
    const old = new Old({}, [...refusesOci, mediaTypes.dockerManifest])
    const { mediaType } = await copyImage(await stored(fixtureImage()), old.located)
    expect(mediaType).toBe(mediaTypes.dockerSchema1Signed)
    expect(old.committed).toBe(true)
  })

  it('gets an index in the other format', async () => {
    const old = new Old({ multiImage: true }, refusesOci)
    const { mediaType } = await copyImage(await stored(fixtureIndex()), old.located, { images: 'all' })
    expect(mediaType).toBe(mediaTypes.dockerList)
    expect(old.manifests.map((manifest) => manifest.mediaType)).toEqual([
      ...Array.from({ length: 3 }, () => mediaTypes.dockerManifest),
      mediaTypes.dockerList,
    ])
  })

  it.each([
    [
      {},
      `Uploading manifest failed, attempted the following formats: ${mediaTypes.ociManifest}(writing manifest: no ${mediaTypes.ociManifest} here), ${mediaTypes.dockerManifest}(writing manifest: no ${mediaTypes.dockerManifest} here), ${mediaTypes.dockerSchema1Signed}(writing manifest: no ${mediaTypes.dockerSchema1Signed} here)`,
    ],
    [
      { preserveDigests: true },
      `writing manifest failed and we cannot try conversions: "Instructed to preserve digests": writing manifest: no ${mediaTypes.ociManifest} here`,
    ],
    [{ format: 'oci' }, `writing manifest: no ${mediaTypes.ociManifest} here`],
  ] as const)('fails the copy with %j', async (options, message) => {
    const old = new Old({}, [...refusesOci, mediaTypes.dockerManifest, mediaTypes.dockerSchema1Signed])
    const copied = copyImage(await stored(fixtureImage()), old.located, options)
    await expect(copied).rejects.toMatchObject({ code: 'PROTOCOL', message })
    expect(old.committed).toBe(false)
  })
})

describe('signatures', () => {
  const signature: StoredSignature = { kind: 'simple', bytes: Buffer.from('by me') }
  const image = fixtureImage()

  it('are carried over', async () => {
    const to = at(memoryTransport(), 'to')
    await copyImage(await stored(image, [signature]), to)
    await using copy = await to.transport.openSource!(to.reference, open)
    expect(await copy.signatures!.list(image.root.digest)).toEqual([signature])
  })

  it('are left behind on request', async () => {
    const to = at(memoryTransport(), 'to')
    const { plan } = await copyImage(await stored(image, [signature]), to, { removeSignatures: true })
    await using copy = await to.transport.openSource!(to.reference, open)
    expect(await copy.signatures!.list(image.root.digest)).toEqual([])
    expect(plan.images[0]!.signatures.fate).toBe('drop')
  })
})

it('reports what happens in order', async () => {
  const events: TransferEvent[] = []
  const index = fixtureIndex()
  const { digest } = await copyImage(await stored(index), new Shelf({ multiImage: true }).located, {
    images: 'all',
    concurrency: 1,
    progress: (event) => events.push(event),
  })
  const lines = events.map((event) =>
    event.type === 'blob'
      ? `${event.state} ${event.role}`
      : event.type === 'image'
        ? `image ${event.index}`
        : event.type,
  )
  expect(lines.filter((line) => !/^(started|copied)/.test(line))).toEqual([
    'planned',
    'image 0',
    'image 1',
    'image 2',
    ...Array.from({ length: 4 }, () => 'manifest'),
    'signatures',
    'done',
  ])
  expect(lines.filter((line) => line.startsWith('started'))).toHaveLength(index.blobs.length)
  expect(lines.filter((line) => line.startsWith('copied'))).toHaveLength(index.blobs.length)
  expect(events[0]).toMatchObject({ images: 3, blobs: index.blobs.length, listed: 3 })
  const { layers, config } = parseManifest(index.children[0]!) as Extract<Manifest, { kind: 'image' }>
  const layerBlobs = layers.map((layer) => ({ role: 'layer', digest: layer.digest }))
  expect(events[1]).toMatchObject({ blobs: [...layerBlobs, { role: 'config', digest: config.digest }] })
  expect(events.at(-1)).toEqual({ type: 'done', digest })
})
