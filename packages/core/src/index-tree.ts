import {
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type Manifest,
  type OperationOptions,
  type Platform,
  type RawManifest,
} from '@transload/contract'

import { runAll } from './bounded.ts'
import { checkAllSeen, pickEntries, type PickedEntry, type SomeImages } from './image-selection.ts'
import { isIndexType } from './manifest-type.ts'
import { noInstance, rankInstances } from './select-instance.ts'

export type IndexManifest = Extract<Manifest, { readonly kind: 'index' }>

/** Where something is in an index: its position there, or, if it is in an index in it, the positions down to it. */
export type IndexPath = readonly number[]

/** An image an index names. */
export interface ListedImage {
  readonly path: IndexPath
  /** As its index has it; without a platform of its own it is for that of the index it is in. */
  readonly descriptor: Descriptor
}

/** An index in an index. */
export interface ListedIndex {
  readonly path: IndexPath
  readonly raw: RawManifest
  readonly manifest: IndexManifest
}

export interface ListedImages {
  /** In the order of the index, those of an index in it at its place. */
  readonly images: readonly ListedImage[]
  /** Those that hold some of `images`, each before the one it is in. */
  readonly nested: readonly ListedIndex[]
  /** How many images there are, selected or not. */
  readonly listed: number
}

export interface ParsedIndex {
  readonly raw: RawManifest
  readonly manifest: IndexManifest
}

export type ReadIndex = (digest: Digest, options: OperationOptions) => Promise<ParsedIndex>

/** Nobody nests deeper or wider on purpose, and each level multiplies what the one above it asks for. */
const deepest = 8
const mostIndexes = 64
const mostImages = 10_000

/**
 * Names the images of an index, and of the indexes in it, that are selected. Throws PLATFORM_UNKNOWN and
 * MANIFEST_UNKNOWN for what is selected and is not there, and SIZE_LIMIT for indexes nested too deeply or too many.
 */
export async function listImages(
  root: IndexManifest,
  selection: 'all' | SomeImages,
  read: ReadIndex,
  options: OperationOptions,
): Promise<ListedImages> {
  const seen = new Set<Platform | Digest>()
  const there: Descriptor[] = []
  const readOne = boundedReader(read)

  const list = async (
    index: IndexManifest,
    above: IndexPath,
    whole: boolean,
    operation: OperationOptions,
  ): Promise<Omit<ListedImages, 'listed'>> => {
    there.push(...index.manifests.filter(({ mediaType }) => !isIndexType(mediaType)))
    if (there.length > mostImages) throw limit(`more than ${mostImages} images`)
    const listed = await runAll(pick(index.manifests, whole), operation, async (picked, within) => {
      const { entry } = picked
      const path = [...above, picked.position]
      if (!isIndexType(entry.mediaType)) return { images: [{ path, descriptor: entry }], nested: [] }
      const found = await readOne(entry.digest, path, within)
      const manifest = inheritPlatform(found.manifest, entry.platform)
      const inner = await list(manifest, path, picked.whole, within)
      // One that nothing is copied of is no more than an entry that is not copied.
      if (!picked.whole && inner.images.length === 0) return inner
      return { images: inner.images, nested: [...inner.nested, { path, raw: found.raw, manifest }] }
    })
    return { images: listed.flatMap(({ images }) => images), nested: listed.flatMap(({ nested }) => nested) }
  }
  const pick = (entries: readonly Descriptor[], whole: boolean): readonly PickedEntry[] => {
    if (selection !== 'all' && !whole) return pickEntries(entries, selection, seen)
    for (const { digest } of entries) seen.add(digest)
    return entries.map((entry, position) => ({ position, entry, whole: true }))
  }

  const found = await list(root, [], selection === 'all', options)
  if (selection !== 'all') checkAllSeen(selection, seen, there)
  return { ...found, listed: there.length }
}

/** The image for a platform, looked for in the indexes of an index too. Throws PLATFORM_UNKNOWN and SIZE_LIMIT. */
export async function findInstance(
  root: IndexManifest,
  platform: Platform,
  read: ReadIndex,
  options: OperationOptions,
): Promise<ListedImage> {
  const readOne = boundedReader(read)
  const find = async (index: IndexManifest, above: IndexPath): Promise<ListedImage | undefined> => {
    for (const descriptor of rankInstances(index, platform)) {
      const path = [...above, index.manifests.indexOf(descriptor)]
      if (!isIndexType(descriptor.mediaType)) return { path, descriptor }
      const { manifest } = await readOne(descriptor.digest, path, options)
      const found = await find(inheritPlatform(manifest, descriptor.platform), path)
      if (found) return found
    }
    return undefined
  }
  const found = await find(root, [])
  if (found) return found
  throw noInstance(root, platform)
}

/** Throws MANIFEST_INVALID for what is called an index where it is named, and is none. */
export function parseIndex(raw: RawManifest): ParsedIndex {
  const manifest = parseManifest(raw)
  if (manifest.kind === 'index') return { raw, manifest }
  throw new TransloadError('MANIFEST_INVALID', `manifest ${raw.digest} is an image, not the list it is said to be`)
}

function boundedReader(read: ReadIndex) {
  let indexes = 0
  return async (digest: Digest, path: IndexPath, options: OperationOptions): ReturnType<ReadIndex> => {
    if (path.length > deepest) throw limit(`indexes nested deeper than ${deepest}`)
    if (++indexes > mostIndexes) throw limit(`more than ${mostIndexes} indexes`)
    return await read(digest, options)
  }
}

function inheritPlatform(index: IndexManifest, platform: Platform | undefined): IndexManifest {
  if (platform === undefined) return index
  return { ...index, manifests: index.manifests.map((entry) => ({ platform, ...entry })) }
}

function limit(what: string): TransloadError {
  return new TransloadError('SIZE_LIMIT', `manifest list has ${what}, more than anybody needs`)
}
