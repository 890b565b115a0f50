import { parseManifest, TransloadError, type OpenOptions, type Platform, type RawManifest } from '@transload/contract'
import { openImage, platformText, type Located, type ReadableImage } from '@transload/core'

import { compressedSize } from './compressed-size.ts'
import { parseImageConfig } from './image-config.ts'

/** A tag as `list-tags --long` shows it. Members come in this order. */
export interface TagDetails {
  readonly Tag: string
  /** Of what the tag points at: an image or a list. */
  readonly Digest: string
  /** Of the image for the wanted platform, or, if there is none, the first one. null if it does not say, or is not there. */
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
  const platforms = listed.flatMap(({ platform }) => platform ?? [])
  const { created, size, own } = await readChosen(image, platforms[0], located, options)
  const names = [...new Set(platforms.map(platformText))]
  return { Tag: tag, Digest: digest, Created: created, Size: size, Platforms: listed.length > 0 ? names : own }
}

interface InstanceDetails {
  readonly created: string | null
  readonly size: number | null
  /** The platform its config names. */
  readonly own: readonly string[]
}

/** Of the image for the wanted platform, else the one for `first`. */
async function readChosen(
  image: ReadableImage,
  first: Platform | undefined,
  located: Located,
  options: OpenOptions,
): Promise<InstanceDetails> {
  try {
    return await readInstanceDetails(image)
  } catch (error) {
    if (!TransloadError.is(error, 'PLATFORM_UNKNOWN') || first === undefined) throw error
    await using other = await openImage(located, { ...options, platform: first })
    return await readInstanceDetails(other)
  }
}

async function readInstanceDetails(image: ReadableImage): Promise<InstanceDetails> {
  const instance = await readInstance(image)
  if (instance === undefined) return { created: null, size: null, own: [] }
  const manifest = parseManifest(instance)
  const size = compressedSize([manifest])
  if (manifest.kind === 'image' && manifest.artifactType !== undefined) return { created: null, size, own: [] }
  const { created = null, os, architecture, variant } = parseImageConfig(await image.readConfig())
  const own = os === '' ? [] : [platformText({ os, architecture, variant })]
  return { created, size, own }
}

/** Undefined for an image that the list names and that is not there, as in a copy of some of its images. */
async function readInstance(image: ReadableImage): Promise<RawManifest | undefined> {
  try {
    return await image.readInstance()
  } catch (error) {
    if (TransloadError.is(error, 'MANIFEST_UNKNOWN')) return undefined
    throw error
  }
}
