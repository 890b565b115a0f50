import { isDigest, type Digest } from './digest.ts'
import { TransloadError } from './errors.ts'
import { displayJson, parseJsonObject } from './json.ts'

/** A layer of a schema 1 manifest together with what its history says of it. */
export interface Schema1Layer {
  readonly digest: Digest
  /** An empty layer, made for a step that changed the configuration only. Its blob exists all the same. */
  readonly isThrowaway: boolean
  /** JSON of what the image was after this step; the last one's is the whole configuration. */
  readonly v1Compatibility: string
}

/** What a Docker image manifest of schema 1 says. */
export interface Schema1Content {
  /** Repository path without a host, and tag: what the image calls itself, which nobody relies on. */
  readonly name: string
  readonly tag: string
  readonly architecture: string
  /** Base first, unlike in the manifest. Never empty. */
  readonly layers: readonly Schema1Layer[]
}

/**
 * Reads a schema 1 manifest and checks that its history is one chain of images (formats.md §5.5). Of neighbours with
 * one and the same ID only the older is kept. Throws MANIFEST_INVALID.
 */
export function parseSchema1(json: Readonly<Record<string, unknown>>): Schema1Content {
  if (json['schemaVersion'] !== 1) {
    throw invalid(`unsupported schema version ${displayJson(json['schemaVersion'] ?? 0)}`)
  }
  const fsLayers = listIn(json, 'fsLayers')
  const history = listIn(json, 'history')
  if (fsLayers.length !== history.length) throw invalid('length of history not equal to number of layers')
  if (fsLayers.length === 0) throw invalid('no FSLayers in manifest')
  const newestFirst = fsLayers.map((layer, index) => parseLayer(layer, history[index], index))
  checkChain(newestFirst)
  const layers = newestFirst.filter((image, index) => image.id !== newestFirst[index + 1]?.id).toReversed()
  return {
    name: textIn(json, 'name'),
    tag: textIn(json, 'tag'),
    architecture: textIn(json, 'architecture'),
    layers: layers.map(({ digest, isThrowaway, v1Compatibility }) => ({ digest, isThrowaway, v1Compatibility })),
  }
}

interface ChainedLayer extends Schema1Layer {
  readonly id: string
  readonly parent: string
}

function parseLayer(layer: unknown, history: unknown, index: number): ChainedLayer {
  const digest = (layer as { blobSum?: unknown } | null)?.blobSum
  const v1Compatibility = (history as { v1Compatibility?: unknown } | null)?.v1Compatibility
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw invalid(`fsLayers[${index}]: invalid digest ${displayJson(digest)}`)
  }
  const subject = `v2s1 history entry ${index}`
  if (typeof v1Compatibility !== 'string') throw invalid(`parsing ${subject}: no v1Compatibility`)
  const image = parseJsonObject(v1Compatibility, `parsing ${subject}`)
  const id = textIn(image, 'id')
  if (!/^[a-f0-9]{64}$/.test(id)) throw invalid(`image ID ${JSON.stringify(id)} is invalid`)
  return {
    digest,
    isThrowaway: image['throwaway'] === true,
    v1Compatibility,
    id,
    parent: textIn(image, 'parent'),
  }
}

/** Newest first: each one's parent is the next, the base has none, and no ID comes again later. */
function checkChain(images: readonly ChainedLayer[]): void {
  if (images.at(-1)?.parent !== '') throw invalid('Invalid parent ID in the base layer of the image')
  const seen = new Set<string>()
  for (const [index, { id, parent }] of images.entries()) {
    const next = images[index + 1]
    const isRepeated = next?.id === id
    if (!isRepeated && seen.has(id)) throw invalid(`ID ${id} appears multiple times in manifest`)
    if (!isRepeated) seen.add(id)
    if (next && !isRepeated && parent !== next.id) {
      throw invalid(`Invalid parent ID. Expected ${next.id}, got ${displayJson(parent)}`)
    }
  }
}

function listIn(json: Readonly<Record<string, unknown>>, key: string): readonly unknown[] {
  const value = json[key] ?? []
  if (!Array.isArray(value)) throw invalid(`${key} is not a list`)
  return value
}

function textIn(json: Readonly<Record<string, unknown>>, key: string): string {
  const value = json[key] ?? ''
  if (typeof value !== 'string') throw invalid(`${key} is not a string`)
  return value
}

function invalid(problem: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', problem)
}
