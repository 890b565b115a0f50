import {
  digestOf,
  encodeJson,
  isDigest,
  mediaTypes,
  parseJsonObject,
  rawManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import type { ReadableTree } from './file-tree.ts'
import { readLayerFile, readLayerSize } from './layer-file.ts'
import type { SavedImage } from './saved-image.ts'

/** A saved image seen as a registry would have it. */
export interface SavedImageContent {
  /**
   * A Docker v2s2 manifest made up for it. Layers are named by their DiffIDs; their type says gzip, as the other
   * tools say it, so that digests agree, although `readLayer` yields plain tars.
   */
  readonly manifest: RawManifest
  readonly config: Uint8Array
  /** As `readLayer` yields them: as in the manifest, but of the uncompressed type. */
  readonly layers: readonly Descriptor[]
  /** Decompressed. Lazy. Throws BLOB_UNKNOWN. */
  readLayer(diffId: Digest, options?: OperationOptions): AsyncIterable<Uint8Array>
}

/** Reads the config, and any compressed layer once, for its size. Throws MANIFEST_INVALID. */
export async function readSavedImageContent(
  tree: ReadableTree,
  image: SavedImage,
  options?: OperationOptions,
): Promise<SavedImageContent> {
  const config = await image.readConfig(options)
  const diffIds = readDiffIds(config)
  if (diffIds.length !== image.layers.length) {
    throw invalid(`Inconsistent layer count: ${image.layers.length} in manifest, ${diffIds.length} in config`)
  }
  const files = layerFiles(diffIds, image.layers)
  const sizes = await readLayerSizes(tree, files, options)
  const describe = (mediaType: string) => diffIds.map((digest) => ({ mediaType, size: sizes.get(digest)!, digest }))
  return {
    manifest: rawManifest(
      Buffer.from(encodeJson(manifestOf(config, describe(mediaTypes.dockerLayerGzip)))),
      mediaTypes.dockerManifest,
    ),
    config,
    layers: describe(mediaTypes.dockerLayer),
    async *readLayer(diffId, readOptions) {
      const path = files.get(diffId)
      if (path === undefined) throw new TransloadError('BLOB_UNKNOWN', `Unknown blob ${JSON.stringify(diffId)}`)
      yield* readLayerFile(tree, path, readOptions)
    },
  }
}

/** The members in the order the other tools write them: the manifest's digest depends on it. */
function manifestOf(config: Uint8Array, layers: readonly Descriptor[]): unknown {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, size: config.length, digest: digestOf(config) },
    layers,
  }
}

function readDiffIds(config: Uint8Array): readonly Digest[] {
  const { rootfs } = parseJsonObject(config, 'image config')
  const diffIds = (rootfs as { diff_ids?: unknown } | null | undefined)?.diff_ids ?? []
  if (typeof rootfs !== 'object' || rootfs === null) {
    throw invalid(`Invalid image config (rootFS is not set): ${digestOf(config)}`)
  }
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string' && isDigest(id))) {
    throw invalid('Invalid image config: rootfs.diff_ids is not a list of digests')
  }
  return diffIds
}

function layerFiles(diffIds: readonly Digest[], paths: readonly string[]): ReadonlyMap<Digest, string> {
  const files = new Map<Digest, string>()
  const owners = new Map<string, Digest>()
  for (const [index, diffId] of diffIds.entries()) {
    const path = paths[index]!
    const owner = owners.get(path)
    if (owner !== undefined && owner !== diffId) {
      throw invalid(`Layer tarfile ${path} used for two different DiffID values`)
    }
    owners.set(path, diffId)
    if (!files.has(diffId)) files.set(diffId, path)
  }
  return files
}

/** Decompressing is most of the work, and Node does it in four threads. */
const layersAtOnce = 4

async function readLayerSizes(
  tree: ReadableTree,
  files: ReadonlyMap<Digest, string>,
  options?: OperationOptions,
): Promise<ReadonlyMap<Digest, number>> {
  const sizes = new Map<Digest, number>()
  const waiting = files.entries()
  const work = async (): Promise<void> => {
    for (const [diffId, path] of waiting) sizes.set(diffId, await readLayerSize(tree, path, options))
  }
  await Promise.all(Array.from({ length: layersAtOnce }, work))
  return sizes
}

function invalid(message: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', message)
}
