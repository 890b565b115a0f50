import {
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type Manifest,
  type RawManifest,
} from '@transload/contract'
import { platformText, type ReadableImage } from '@transload/core'

import { compressedSize } from './compressed-size.ts'
import { parseImageConfig } from './image-config.ts'
import { inOrder } from './in-order.ts'
import { byteText } from './progress/byte-text.ts'

/** What `inspect --platforms` shows: the images of a list, or the one image there is. */
export interface PlatformListing {
  /** Of the list, or of the image. */
  readonly Digest: string
  readonly MediaType: string
  readonly Platforms: readonly ListedPlatform[]
  /** Of all images that are there: what they share counts once. null if it is not known. */
  readonly Size: number | null
}

export interface ListedPlatform {
  /** `linux/arm64/v8`; empty if it does not say. */
  readonly Platform: string
  readonly Digest: string
  /** null for an image the list names and that is not there, as in a copy of some of its images. */
  readonly Layers: number | null
  /** Compressed, with the config, in bytes; null if it is not known. */
  readonly Size: number | null
}

const manifestsAtOnce = 8

/** Reads the manifest of every image. `digest` is shown as that of the root. */
export async function readPlatformListing(image: ReadableImage, digest: Digest): Promise<PlatformListing> {
  const root = await image.readRoot()
  const listed = await image.listImages()
  const read = async (descriptor: Descriptor) => ({ descriptor, manifest: await readIfThere(image, descriptor) })
  const images =
    parseManifest(root).kind === 'index'
      ? await Array.fromAsync(inOrder(listed, manifestsAtOnce, read))
      : [{ descriptor: await describe(image, root), manifest: parseManifest(root) }]
  return {
    Digest: digest,
    MediaType: root.mediaType,
    Platforms: images.map(({ descriptor, manifest }) => ({
      Platform: descriptor.platform ? platformText(descriptor.platform) : '',
      Digest: descriptor.digest,
      Layers: manifest && manifest.kind !== 'index' ? manifest.layers.length : null,
      Size: manifest ? compressedSize([manifest]) : null,
    })),
    Size: compressedSize(images.flatMap(({ manifest }) => manifest ?? [])),
  }
}

/** A table with one line a platform, and one for all. */
export function platformTable({ Digest, Platforms, Size }: PlatformListing): string {
  const rows = [
    ['PLATFORM', 'DIGEST', 'LAYERS', 'SIZE'],
    ...Platforms.map((one) => [
      one.Platform || '-',
      one.Digest,
      String(one.Layers ?? ''),
      one.Layers === null ? 'absent' : sizeText(one.Size),
    ]),
    ['total', Digest, '', sizeText(Size)],
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))),
    )
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('')
}

function sizeText(size: number | null): string {
  return size === null ? '-' : byteText(size)
}

async function readIfThere(image: ReadableImage, descriptor: Descriptor): Promise<Manifest | undefined> {
  try {
    return parseManifest(await image.readListed(descriptor))
  } catch (error) {
    if (TransloadError.is(error, 'MANIFEST_UNKNOWN')) return undefined
    throw error
  }
}

/** A single image says in its config what it is for. */
async function describe(image: ReadableImage, { mediaType, digest, bytes }: RawManifest): Promise<Descriptor> {
  const manifest = parseManifest(await image.readRoot())
  const isArtifact = manifest.kind === 'image' && manifest.artifactType !== undefined
  const { os, architecture, variant } = isArtifact
    ? { os: '', architecture: '', variant: undefined }
    : parseImageConfig(await image.readConfig())
  return { mediaType, digest, size: bytes.length, platform: { os, architecture, variant } }
}
