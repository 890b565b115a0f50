import {
  canonicalText,
  collect,
  displayJson,
  parseDockerReference,
  TransloadError,
  type OperationOptions,
} from '@transload/contract'

import type { ReadableTree } from './file-tree.ts'
import { readLegacyImages } from './legacy-saved-image.ts'
import { cleanTarName } from './tar-index.ts'

/** An image of a `docker save` archive. */
export interface SavedImage {
  /** `name:tag` as written in the archive. */
  readonly repoTags: readonly string[]
  /** Paths of the layer files, base first; each may be compressed. */
  readonly layers: readonly string[]
  /** The image config, at most 4 MiB. */
  readConfig(options?: OperationOptions): Promise<Uint8Array>
}

/** Which image of an archive is meant; neither: the only one. `tag` is a canonical `domain/path:tag`. */
export interface SavedImageChoice {
  readonly tag?: string | undefined
  /** Position, from 0. */
  readonly index?: number | undefined
}

const maxListBytes = 1024 * 1024
const maxConfigBytes = 4 * 1024 * 1024

/**
 * The images of a `docker save` archive, in its order: those of `manifest.json`, else, as Docker wrote before 1.10,
 * those of `repositories`. Throws MANIFEST_INVALID when there is neither or they cannot be understood.
 */
export async function readSavedImages(tree: ReadableTree, options?: OperationOptions): Promise<readonly SavedImage[]> {
  if ((await tree.fileSize('manifest.json')) === undefined) {
    const legacy = await readLegacyImages(tree, options)
    if (legacy) return legacy
    throw invalid('loading tar component "manifest.json": file does not exist', 'The file is no "docker save" archive.')
  }
  const bytes = await collect(tree.read('manifest.json', options), maxListBytes, 'manifest.json')
  let items: unknown
  try {
    items = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new TransloadError('MANIFEST_INVALID', 'decoding tar manifest.json: not valid JSON', { cause })
  }
  if (!Array.isArray(items)) throw invalid('decoding tar manifest.json: not a list')
  return items.map((item: unknown, index) => parseItem(tree, item, index))
}

/**
 * Throws MANIFEST_UNKNOWN when no image has the tag, REFERENCE_INVALID when the index is too large or the choice is
 * ambiguous, with the texts scripts match.
 */
export function chooseSavedImage(images: readonly SavedImage[], { tag, index }: SavedImageChoice): SavedImage {
  if (tag !== undefined) {
    const found = images.find((image, position) => canonicalTags(image, position).includes(tag))
    if (!found) throw new TransloadError('MANIFEST_UNKNOWN', `Tag ${JSON.stringify(tag)} not found`)
    return found
  }
  if (index !== undefined) {
    const found = images[index]
    if (!found) throw unclear(`Invalid source index @${index}, only ${images.length} manifest items available`)
    return found
  }
  if (images.length !== 1) {
    throw unclear(
      `Unexpected tar manifest.json: expected 1 item, got ${images.length}`,
      'Say which image is meant: append ":NAME:TAG", or ":@INDEX" counting from 0.',
    )
  }
  return images[0]!
}

/** `domain/path:tag` of each name. Throws MANIFEST_INVALID for one that is no image name. */
function canonicalTags(image: SavedImage, position: number): readonly string[] {
  return image.repoTags.map((tag) => {
    try {
      return canonicalText(parseDockerReference(tag))
    } catch (cause) {
      throw new TransloadError(
        'MANIFEST_INVALID',
        `Invalid tag ${JSON.stringify(tag)} in manifest.json item @${position}`,
        { cause },
      )
    }
  })
}

function parseItem(tree: ReadableTree, item: unknown, index: number): SavedImage {
  const { Config: config, RepoTags: tags = [], Layers: layers = [] } = (item ?? {}) as Record<string, unknown>
  if (typeof config !== 'string' || !isTextList(tags ?? []) || !isTextList(layers ?? [])) {
    throw invalid(`decoding tar manifest.json: item @${index} is not one of an image`)
  }
  return {
    repoTags: (tags as string[] | null) ?? [],
    layers: ((layers as string[] | null) ?? []).map(confined),
    async readConfig(options) {
      const path = confined(config)
      if ((await tree.fileSize(path)) === undefined) {
        throw invalid(`loading tar component ${displayJson(config)}: file does not exist`)
      }
      return await collect(tree.read(path, options), maxConfigBytes, config)
    },
  }
}

function confined(path: string): string {
  const clean = cleanTarName(path)
  if (clean === undefined) throw invalid(`decoding tar manifest.json: ${JSON.stringify(path)} is not a path inside it`)
  return clean
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function unclear(message: string, hint?: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message, { hint })
}

function invalid(message: string, hint?: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', message, { hint })
}
