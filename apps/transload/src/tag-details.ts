import { parseManifest, TransloadError, type OpenOptions, type Platform } from '@transload/contract'
import { openImage, platformText, type Located, type ReadableImage } from '@transload/core'

import { compressedSize } from './compressed-size.ts'
import { parseImageConfig } from './image-config.ts'

/** A tag as `list-tags --long` shows it. Members come in this order. */
export interface TagDetails {
  readonly Tag: string
  /** Of what the tag points at: an image or a list. */
  readonly Digest: string
  /** Of the image for the wanted platform, or, if there is none, the first one. null if it does not say. */
  readonly Created: string | null
  /** What pulling that image takes, compressed, in bytes. */
  readonly Size: number | null
  /** `linux/arm64/v8`, in the order of the list. */
  readonly Platforms: readonly string[]
}

/** Two requests for an image, three for a list. */
export async function readTagDetails(
  tag: string,
  located: Located,
  options: OpenOptions & { readonly platform: Platform },
): Promise<TagDetails> {
  await using image = await openImage(located, options)
  const { digest } = await image.readRoot()
  const listed = await image.listImages()
  const missing = await lackedPlatform(image)
  const platform = listed.find((one) => one.platform !== undefined)?.platform
  if (missing !== undefined && platform === undefined) throw missing
  await using other = missing === undefined ? undefined : await openImage(located, { ...options, platform })
  const { created, size, own } = await readInstanceDetails(other ?? image)
  const platforms = listed.flatMap((one) => (one.platform ? [platformText(one.platform)] : []))
  return {
    Tag: tag,
    Digest: digest,
    Created: created,
    Size: size,
    Platforms: listed.length > 0 ? [...new Set(platforms)] : own,
  }
}

/** The error for a list without an image for the wanted platform. */
async function lackedPlatform(image: ReadableImage): Promise<unknown> {
  try {
    await image.readInstance()
    return undefined
  } catch (error) {
    if (TransloadError.is(error, 'PLATFORM_UNKNOWN')) return error
    throw error
  }
}

async function readInstanceDetails(image: ReadableImage) {
  const manifest = parseManifest(await image.readInstance())
  const size = compressedSize([manifest])
  if (manifest.kind === 'image' && manifest.artifactType !== undefined) return { created: null, size, own: [] }
  const { created = null, os, architecture, variant } = parseImageConfig(await image.readConfig())
  const own = os === '' ? [] : [platformText({ os, architecture, variant })]
  return { created, size, own }
}
