import {
  canonicalText,
  digestHex,
  digestOf,
  encodeJson,
  parseDockerReference,
  parseJsonObject,
  repositoryName,
  type Digest,
  type OperationOptions,
} from '@transload/contract'

import type { TarWriter } from './tar-writer.ts'

/** An image whose layers were written (`SavedImageWriter.addLayer`). */
export interface NewSavedImage {
  readonly config: Uint8Array
  /** DiffIDs, base first: the names the layers were written under. */
  readonly layers: readonly Digest[]
  /** Names with a tag; stored as `domain/path:tag`. */
  readonly repoTags: readonly string[]
}

export interface NewLayer {
  /** Known up front, or asked after `body` ended. */
  readonly digest: Digest | (() => Digest)
  readonly size?: number | undefined
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Writes a `docker save` archive of one or several images, entry for entry as skopeo does, the members for engines
 * older than 1.10 included. Layers may be added concurrently, everything else in turn.
 */
export class SavedImageWriter {
  readonly #tar: TarWriter
  /** By config file name: images with one config are one image. */
  readonly #images = new Map<string, { readonly layers: readonly string[]; readonly repoTags: Set<string> }>()
  readonly #repositories = new Map<string, Map<string, string>>()
  readonly #legacyIds = new Set<string>()

  constructor(tar: TarWriter) {
    this.#tar = tar
  }

  /** Uncompressed. Resolves when it is in the archive; the same layer twice is stored once. */
  async addLayer({ digest, size, body }: NewLayer, options?: OperationOptions): Promise<void> {
    const name = typeof digest === 'function' ? () => layerName(digest()) : layerName(digest)
    await this.#tar.addFile({ name, size, body }, options)
  }

  async addImage({ config, layers, repoTags }: NewSavedImage, options?: OperationOptions): Promise<void> {
    const name = `${digestHex(digestOf(config))}.json`
    let image = this.#images.get(name)
    if (!image) {
      image = { layers: layers.map(layerName), repoTags: new Set() }
      this.#images.set(name, image)
      await this.#tar.addBytes(name, config, options)
    }
    const topId = await this.#addLegacyLayers(config, layers, options)
    for (const text of repoTags) {
      const reference = parseDockerReference(text)
      image.repoTags.add(canonicalText(reference))
      if (topId === undefined) continue
      const tags = this.#repositories.get(repositoryName(reference)) ?? new Map<string, string>()
      this.#repositories.set(repositoryName(reference), tags.set(reference.tag!, topId))
    }
  }

  /** Writes the lists and ends the archive. */
  async finish(options?: OperationOptions): Promise<void> {
    const items = Array.from(this.#images, ([config, { repoTags, layers }]) => ({
      Config: config,
      RepoTags: [...repoTags],
      Layers: layers,
    }))
    await this.#tar.addBytes('manifest.json', Buffer.from(encodeJson(items)), options)
    const repositories = sorted(Array.from(this.#repositories, ([name, tags]) => [name, sorted([...tags])]))
    await this.#tar.addBytes('repositories', Buffer.from(encodeJson(repositories)), options)
    await this.#tar.finish(options)
  }

  /** A directory for each layer, as before Docker 1.10; returns the ID of the top one. */
  async #addLegacyLayers(
    config: Uint8Array,
    layers: readonly Digest[],
    options?: OperationOptions,
  ): Promise<string | undefined> {
    let parent: string | undefined
    let chainId: Digest | undefined
    for (const [index, layer] of layers.entries()) {
      chainId = chainId === undefined ? layer : digestOf(Buffer.from(`${chainId} ${layer}`))
      const members = {
        ...(parent === undefined ? {} : { parent }),
        ...(index === layers.length - 1 ? topLayerMembers(config) : {}),
      }
      // The ID the container tools compute; Docker's own differs.
      const id: string = digestHex(digestOf(sortedJson({ ...members, layer_id: chainId })))
      parent = id
      if (this.#legacyIds.has(id)) continue
      this.#legacyIds.add(id)
      await this.#tar.addSymlink(`${id}/layer.tar`, `../${layerName(layer)}`, options)
      await this.#tar.addBytes(`${id}/VERSION`, Buffer.from('1.0'), options)
      await this.#tar.addBytes(`${id}/json`, sortedJson({ ...members, id }), options)
    }
    return parent
  }
}

function layerName(digest: Digest): string {
  return `${digestHex(digest)}.tar`
}

function topLayerMembers(config: Uint8Array): Record<string, unknown> {
  const json = parseJsonObject(config, 'image config')
  const names = ['architecture', 'config', 'container', 'container_config', 'created', 'docker_version', 'os']
  return Object.fromEntries(names.map((name) => [name, json[name] ?? null]))
}

function sortedJson(members: Readonly<Record<string, unknown>>): Uint8Array {
  return Buffer.from(encodeJson(sorted(Object.entries(members))))
}

function sorted(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
