import {
  collect,
  createDigester,
  encodeJson,
  maxManifestBytes,
  parseJsonObject,
  TransloadError,
  type Digest,
  type OperationOptions,
} from '@transload/contract'

import type { ReadableTree } from './file-tree.ts'
import { readLayerFile } from './layer-file.ts'
import type { SavedImage } from './saved-image.ts'

const maxLayers = 1000

/**
 * The images of an archive written by Docker before 1.10 (image spec v1.0): `repositories` names top layers, each
 * layer is `ID/json` and `ID/layer.tar`. Undefined when there is no `repositories`. The config is made up as Docker
 * made it when it migrated such images, which takes reading all layers once.
 */
export async function readLegacyImages(
  tree: ReadableTree,
  options?: OperationOptions,
): Promise<readonly SavedImage[] | undefined> {
  if ((await tree.fileSize('repositories')) === undefined) return undefined
  const repositories = parseJsonObject(await readSmall(tree, 'repositories', options), 'repositories')
  const tagsOf = new Map<string, string[]>()
  for (const [name, tags] of Object.entries(repositories)) {
    for (const [tag, id] of Object.entries((tags ?? {}) as Record<string, unknown>)) {
      tagsOf.set(checkId(id), [...(tagsOf.get(checkId(id)) ?? []), `${name}:${tag}`])
    }
  }
  const images: SavedImage[] = []
  for (const [id, repoTags] of tagsOf) images.push(await readLegacyImage(tree, id, repoTags, options))
  return images
}

async function readLegacyImage(
  tree: ReadableTree,
  topId: string,
  repoTags: readonly string[],
  options?: OperationOptions,
): Promise<SavedImage> {
  const chain: LegacyLayer[] = []
  for (let id: string | undefined = topId; id !== undefined;) {
    if (chain.length >= maxLayers) throw invalid(`legacy image ${topId} has more than ${maxLayers} layers`)
    const json = parseJsonObject(await readSmall(tree, `${id}/json`, options), `${id}/json`)
    chain.unshift({ path: `${id}/layer.tar`, json })
    id = json['parent'] === undefined || json['parent'] === '' ? undefined : checkId(json['parent'])
  }
  return {
    repoTags,
    layers: chain.map(({ path }) => path),
    readConfig: (readOptions) => readLegacyConfig(tree, chain, readOptions),
  }
}

interface LegacyLayer {
  readonly path: string
  readonly json: Readonly<Record<string, unknown>>
}

async function readLegacyConfig(
  tree: ReadableTree,
  chain: readonly LegacyLayer[],
  options?: OperationOptions,
): Promise<Uint8Array> {
  const diffIds: Digest[] = []
  for (const { path } of chain) diffIds.push(await readDiffId(tree, path, options))
  const {
    id: _id,
    parent: _parent,
    Size: _size,
    parent_id: _parentId,
    layer_id: _layerId,
    throwaway: _throwaway,
    ...top
  } = chain.at(-1)!.json
  const config = {
    ...top,
    history: chain.map(({ json }) => historyOf(json)),
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
  return Buffer.from(
    encodeJson(Object.fromEntries(Object.entries(config).sort(([one], [other]) => (one < other ? -1 : 1)))),
  )
}

function historyOf(json: Readonly<Record<string, unknown>>): unknown {
  const command = (json['container_config'] as { Cmd?: unknown } | null | undefined)?.Cmd
  return {
    created: json['created'],
    author: json['author'] || undefined,
    created_by: Array.isArray(command) ? command.join(' ') : undefined,
    comment: json['comment'] || undefined,
  }
}

async function readDiffId(tree: ReadableTree, path: string, options?: OperationOptions): Promise<Digest> {
  if ((await tree.fileSize(path)) === undefined) throw missing(path)
  const digester = createDigester()
  for await (const chunk of readLayerFile(tree, path, options)) digester.update(chunk)
  return digester.digest()
}

async function readSmall(tree: ReadableTree, path: string, options?: OperationOptions): Promise<Uint8Array> {
  if ((await tree.fileSize(path)) === undefined) throw missing(path)
  return await collect(tree.read(path, options), maxManifestBytes, path)
}

function checkId(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value
  throw invalid(`legacy image ID ${JSON.stringify(value)} is not 64 hexadecimal digits`)
}

function missing(path: string): TransloadError {
  return invalid(`loading tar component ${path}: file does not exist`)
}

function invalid(message: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', message)
}
