import {
  HttpError,
  mediaTypes,
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageDestination,
  type ImageSource,
  type LayerEncryptor,
  type RawManifest,
} from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  memoryTransport,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyOptions, CopyResult } from './copy-options.ts'
import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import { openImage } from './open-image.ts'
import type { Located } from './plugin-registry.ts'
import type { TransferEvent } from './progress.ts'

const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }
const image = fixtureImage({ format: 'docker' })

/** A place of its own in memory, where images may have a name. */
function place(name?: string): Located {
  const transport = memoryTransport()
  const reference = transport.parse('image', '/')
  return { transport, reference: name === undefined ? reference : { ...reference, name } }
}

async function stored(what: FixtureImage = image): Promise<Located> {
  const at = place()
  await using destination = await at.transport.openDestination!(at.reference, open)
  await storeImage(destination, what)
  return at
}

/** The image as schema 1, called `app:v1`. */
async function storedSchema1(): Promise<Located> {
  const at = place('host.org/app:v1')
  await copyImage(await stored(), at, { format: 'schema1' })
  return at
}

async function readRoot({ transport, reference }: Located): Promise<RawManifest> {
  await using source = await transport.openSource!(reference, open)
  return await source.readManifest(undefined)
}

async function readSchema1(at: Located) {
  const manifest = parseManifest(await readRoot(at))
  if (manifest.kind !== 'schema1') throw new Error(`not schema 1 but ${manifest.kind}`)
  return manifest
}

/** The same place, with members of its destinations replaced. */
function changed(at: Located, change: (real: ImageDestination) => Partial<ImageDestination>): Located {
  const openDestination: Located['transport']['openDestination'] = async (reference, options) => {
    const real = await at.transport.openDestination!(reference, options)
    return overlay(real, change(real))
  }
  return { ...at, transport: { ...at.transport, openDestination } }
}

/** The same place, which remembers the blobs that are read. */
function watched(at: Located, read: Digest[]): Located {
  const openSource: Located['transport']['openSource'] = async (reference, options) => {
    const real = await at.transport.openSource!(reference, options)
    const readBlob: ImageSource['readBlob'] = (blob, given) => {
      read.push(blob.digest)
      return real.readBlob(blob, given)
    }
    return overlay(real, { readBlob })
  }
  return { ...at, transport: { ...at.transport, openSource } }
}

function overlay<T extends object>(real: T, members: Partial<T>): T {
  return new Proxy(real, {
    get: (target, key) => {
      const owner = key in members ? members : target
      const value: unknown = owner[key as keyof T]
      return typeof value === 'function' ? (value.bind(owner) as unknown) : value
    },
  })
}

function layersOf({ root }: FixtureImage): readonly Descriptor[] {
  const manifest = parseManifest(root)
  return manifest.kind === 'image' ? manifest.layers : []
}

describe('to schema 1', () => {
  it('an image takes its config along, and the name of the destination', async () => {
    const at = place('host:5000/team/app:v1')
    const { mediaType } = await copyImage(await stored(), at, { format: 'schema1' })
    expect(mediaType).toBe(mediaTypes.dockerSchema1Signed)
    const { name, tag, layers } = await readSchema1(at)
    expect({ name, tag }).toEqual({ name: 'team/app', tag: 'v1' })
    expect(layers.map(({ digest }) => digest)).toEqual(layersOf(image).map(({ digest }) => digest))
    expect(layers.at(-1)!.v1Compatibility).toContain('"config":{"Labels":{"fixture":"fixture"}}')
  })

  it('where there are no names it has none', async () => {
    const at = place()
    await copyImage(await stored(), at, { format: 'schema1' })
    expect(await readSchema1(at)).toMatchObject({ name: '', tag: '' })
  })

  it('the images of a list come in a Docker list', async () => {
    const at = place()
    const options = { format: 'schema1', images: 'all' } as const
    const { mediaType, bytes } = await copyImage(await stored(fixtureIndex('oci')), at, options)
    expect(mediaType).toBe(mediaTypes.dockerList)
    const { manifests } = JSON.parse(Buffer.from(bytes).toString()) as { manifests: readonly Descriptor[] }
    expect(new Set(manifests.map((entry) => entry.mediaType))).toEqual(new Set([mediaTypes.dockerSchema1Signed]))
  })

  it('zstd layers cannot go', async () => {
    const zstd = fixtureImage({ layers: [fixtureLayer('a', 'zstd')] })
    await expect(copyImage(await stored(zstd), place(), { format: 'schema1' })).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: expect.stringContaining('zstd compression is not officially supported for docker images'),
    })
  })

  it('an image without history cannot go', async () => {
    const options = { format: 'schema1' } as const
    await expect(copyImage(await stored(fixtureImage({ layers: [] })), place(), options)).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: `creating an updated image manifest: Cannot convert an image with 0 history entries to ${mediaTypes.dockerSchema1Signed}`,
    })
  })

  it('is the last thing a registry is offered', async () => {
    const tried: string[] = []
    const at = changed(place(), (real) => ({
      writeManifest: async (manifest, options) => {
        tried.push(manifest.mediaType)
        if (manifest.mediaType === mediaTypes.dockerSchema1Signed) return await real.writeManifest(manifest, options)
        throw new HttpError('PROTOCOL', 'no such manifests', { status: 400, serverCodes: ['MANIFEST_INVALID'] })
      },
    }))
    await copyImage(await stored(fixtureImage()), at)
    expect(tried).toEqual([mediaTypes.ociManifest, mediaTypes.dockerManifest, mediaTypes.dockerSchema1Signed])
    expect((await readSchema1(at)).layers).toHaveLength(2)
  })
})

describe('from schema 1', () => {
  it.each([
    ['docker', mediaTypes.dockerManifest, mediaTypes.dockerLayerGzip],
    ['oci', mediaTypes.ociManifest, mediaTypes.ociLayerGzip],
  ] as const)('to %s the layers keep their bytes and get their sizes and DiffIDs', async (format, type, layerType) => {
    const at = place()
    await copyImage(await storedSchema1(), at, { format })
    const root = await readRoot(at)
    expect(root.mediaType).toBe(type)
    expect(parseManifest(root)).toMatchObject({
      layers: layersOf(image).map(({ digest, size }) => ({ mediaType: layerType, digest, size })),
    })
    await using readable = await openImage(at)
    await using original = await openImage(await stored())
    const [made, before] = [await readable.readConfig(), await original.readConfig()].map(
      (bytes) => JSON.parse(Buffer.from(bytes).toString()) as { rootfs: object; config: object },
    )
    expect(made).toMatchObject({ rootfs: before!.rootfs, config: before!.config })
  })

  it('layers are not read where their DiffIDs are known and they are there', async () => {
    const from = await storedSchema1()
    const to = await stored()
    const options = { format: 'docker', cache: createMemoryBlobInfoCache() } as const
    const read: Digest[] = []
    const first = await copyImage(watched(from, read), place(), options)
    expect(read).toHaveLength(2)
    const again = await copyImage(watched(from, read), to, options)
    expect(read).toHaveLength(2)
    expect(again.digest).toBe(first.digest)
  })

  it('layers may be decompressed on the way', async () => {
    const at = place()
    await copyImage(await storedSchema1(), at, { format: 'docker', layers: 'uncompressed' })
    const manifest = parseManifest(await readRoot(at))
    expect(manifest).toMatchObject({
      layers: [{ mediaType: mediaTypes.dockerLayer }, { mediaType: mediaTypes.dockerLayer }],
    })
  })

  it('layers may be compressed anew, or encrypted, on the way to OCI', async () => {
    const encryptor: LayerEncryptor = {
      encryptLayer: async () => ({ stage: (input) => input, annotations: () => ({ key: 'wrapped' }) }),
    }
    const from = await storedSchema1()
    const [zstd, encrypted] = [place(), place()]
    await copyImage(from, zstd, { layers: 'compressed', compressionFormat: 'zstd' })
    await copyImage(from, encrypted, { encryptor })
    expect(parseManifest(await readRoot(zstd))).toMatchObject({
      format: 'oci',
      layers: [{ mediaType: mediaTypes.ociLayerZstd }, { mediaType: mediaTypes.ociLayerZstd }],
    })
    const layer = { mediaType: `${mediaTypes.ociLayerGzip}+encrypted`, annotations: { key: 'wrapped' } }
    expect(parseManifest(await readRoot(encrypted))).toMatchObject({ format: 'oci', layers: [layer, layer] })
  })

  it('reports the config it makes', async () => {
    const events: TransferEvent[] = []
    const options: CopyOptions = { format: 'oci', progress: (event) => events.push(event) }
    await copyImage(await storedSchema1(), place(), options)
    const blobs = events.filter((event) => event.type === 'blob')
    expect(blobs.at(-1)).toMatchObject({ role: 'config', state: 'copied', blob: { mediaType: mediaTypes.ociConfig } })
  })

  it('a wrong layer is found by its digest', async () => {
    const from = await storedSchema1()
    const lying: Located['transport']['openSource'] = async (reference, options) => {
      const real = await from.transport.openSource!(reference, options)
      return overlay(real, {
        readBlob: async function* () {
          yield Buffer.from('something else')
        },
      })
    }
    const copied = copyImage({ ...from, transport: { ...from.transport, openSource: lying } }, place())
    await expect(copied).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it('a registry that takes no schema 1 any more gets a newer format', async () => {
    const at = changed(place(), (real) => ({
      writeManifest: async (manifest, options) => {
        if (manifest.mediaType === mediaTypes.dockerManifest) return await real.writeManifest(manifest, options)
        throw new HttpError('PROTOCOL', 'no such manifests', { status: 400, serverCodes: ['MANIFEST_INVALID'] })
      },
    }))
    const { mediaType } = await copyImage(await storedSchema1(), at)
    expect(mediaType).toBe(mediaTypes.dockerManifest)
  })
})

describe('schema 1 as it is', () => {
  it.each([undefined, 'host.org/app:v1', 'other.org/app:v1'])(
    'keeps its bytes where it may keep its name: %s',
    async (name) => {
      const from = await storedSchema1()
      const at = place(name)
      await copyImage(from, at)
      expect(await readRoot(at)).toEqual(await readRoot(from))
    },
  )

  it('is renamed elsewhere, and nothing else', async () => {
    const from = await storedSchema1()
    const at = place('host.org/team/app')
    await copyImage(from, at)
    expect(await readSchema1(at)).toEqual({ ...(await readSchema1(from)), name: 'team/app', tag: '' })
  })

  it.each<[string, CopyOptions]>([
    ['host.org/other:v1', { preserveDigests: true }],
    ['host.org/app:v2', { preserveDigests: true }],
  ])('is not renamed to %s when it must stay as it is', async (name, options) => {
    const copied = copyImage(await storedSchema1(), place(name), options)
    await expect(copied).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: `Copying a schema1 image with an embedded Docker reference to memory:image:latest (Docker reference ${name}) would change the manifest, which we cannot do: "Instructed to preserve digests"`,
    })
  })

  it('has the digest of what was signed', async () => {
    const [one, other] = [await storedSchema1(), await storedSchema1()].map(readRoot)
    expect((await one!).bytes).not.toEqual((await other!).bytes)
    expect((await one!).digest).toBe((await other!).digest)
  })

  it('is planned without being written', async () => {
    const plan = async (name: string): Promise<CopyResult> =>
      await copyImage(await storedSchema1(), place(name), { dryRun: true })
    expect((await plan('host.org/app:v1')).digest).toBe((await readRoot(await storedSchema1())).digest)
    const renamed = await plan('host.org/app:v2')
    expect(renamed.digest).toBeUndefined()
    expect(renamed.plan.images[0]).toMatchObject({ embeddedName: { name: 'app', tag: 'v2' } })
  })

  it('can be looked at', async () => {
    await using readable = await openImage(await storedSchema1())
    const config = JSON.parse(Buffer.from(await readable.readConfig()).toString()) as object
    expect(config).toMatchObject({ architecture: 'amd64', rootfs: { diff_ids: ['', ''] } })
    expect(await readable.readLayers()).toMatchObject([{ size: undefined }, { size: undefined }])
    await expect(readable.readOciManifest()).rejects.toSatisfy((error) => TransloadError.is(error, 'MANIFEST_INVALID'))
  })
})
