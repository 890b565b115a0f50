import {
  collect,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  TransloadError,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type OpenOptions,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
} from '@transload/contract'
import { SavedImageWriter } from '@transload/formats'

import { openArchiveTarget, type ArchiveTarget } from './archive-target.ts'
import type { DockerArchiveReference } from './docker-archive-reference.ts'

/** Throws REFERENCE_INVALID for an index, DESTINATION_EXISTS for a file that is not empty. */
export async function openDockerArchiveDestination(
  reference: DockerArchiveReference,
  additionalTags: readonly string[],
  { tempDirectory, signal }: OpenOptions,
): Promise<ImageDestination> {
  if (reference.index !== undefined) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `Destination reference must not contain a manifest index @${reference.index}`,
    )
  }
  const refusal = "docker-archive doesn't support modifying existing images"
  const target = await openArchiveTarget(reference.path, { tempDirectory, signal, entryMode: 0o444, refusal })
  return new DockerArchiveDestination(reference, additionalTags, target)
}

class DockerArchiveDestination implements ImageDestination {
  readonly reference: DockerArchiveReference
  readonly traits: DestinationTraits
  readonly #additionalTags: readonly string[]
  readonly #target: ArchiveTarget
  readonly #writer: SavedImageWriter
  readonly #configs = new Map<Digest, Uint8Array>()
  readonly #layers = new Set<Digest>()
  #manifest: RawManifest | undefined

  constructor(reference: DockerArchiveReference, additionalTags: readonly string[], target: ArchiveTarget) {
    this.reference = reference
    this.traits = {
      manifestTypes: [mediaTypes.dockerManifest],
      noSignaturesReason: 'Storing signatures for docker tar files is not supported',
      layers: 'uncompressed',
      ...(target.isPipe ? { concurrency: 1 } : {}),
    }
    this.#additionalTags = additionalTags
    this.#target = target
    this.#writer = new SavedImageWriter(target.tar)
  }

  async writeBlob(blob: OutgoingBlob, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    if (blob.role === 'config') {
      const config = await collect(blob.body, maxManifestBytes, 'image config')
      options?.signal?.throwIfAborted()
      this.#configs.set(blob.written().digest, config)
      return
    }
    const { body, size, digest = () => blob.written().digest } = blob
    await this.#writer.addLayer({ body, size, digest }, options)
    this.#layers.add(blob.written().digest)
  }

  async writeManifest(manifest: RawManifest, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    if (manifest.mediaType !== mediaTypes.dockerManifest) {
      throw new TransloadError('UNSUPPORTED', 'Unsupported manifest type, need a Docker schema 2 manifest')
    }
    this.#manifest = manifest
  }

  async commit(options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    const manifest = this.#manifest && parseManifest(this.#manifest)
    if (manifest?.kind !== 'image') throw this.#incomplete('no manifest')
    const config = this.#configs.get(manifest.config.digest)
    if (!config) throw this.#incomplete(`no config ${manifest.config.digest}`)
    const layers = manifest.layers.map(({ digest }) => digest)
    const missing = layers.find((layer) => !this.#layers.has(layer))
    if (missing) throw this.#incomplete(`no layer ${missing}`)
    const { name } = this.reference
    const repoTags = [...(name === undefined ? [] : [name]), ...this.#additionalTags]
    await this.#writer.addImage({ config, layers, repoTags }, options)
    await this.#writer.finish(options)
    await this.#target.publish(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]()
  }

  #incomplete(what: string): TransloadError {
    return new TransloadError('IO', `docker-archive:${this.reference.text}: ${what} was written`)
  }
}
