import {
  TransloadError,
  type Descriptor,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type ImageReference,
  type ManifestRole,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
} from '@transload/contract'
import {
  emptyOciIndex,
  OciCompanions,
  ociTraits,
  withCompanions,
  withCosignKinds,
  withManifest,
  type OciCompanion,
  type OciLayerOptions,
  type OciLayout,
} from '@transload/formats'

import type { OciReference } from './reference.ts'

/** Writes nothing. Throws REFERENCE_INVALID for a position or digest, and MANIFEST_INVALID for an `index.json` that is not one. */
export async function openOciDestination(
  layout: OciLayout,
  reference: OciReference,
  layers: OciLayerOptions,
  options: OperationOptions,
): Promise<ImageDestination> {
  const choice = reference.position ?? reference.digest
  if (choice !== undefined) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `Destination reference must not contain a manifest index @${choice}`,
      { hint: `Name the image instead: oci:${reference.path}:NAME` },
    )
  }
  // What could not be extended at the end is better known before anything moved.
  if ((await layout.tree.fileSize('index.json')) !== undefined) await layout.readIndex(options)
  return new OciDestination(layout, reference, ociTraits(layers))
}

/**
 * Blobs and manifests go into the layout as they come, whole and under their digests; only `commit` makes `index.json`
 * name them. What an abandoned write leaves are blobs nobody names, which the next attempt reuses.
 */
class OciDestination implements ImageDestination {
  readonly reference: ImageReference
  readonly traits: DestinationTraits
  readonly #layout: OciLayout
  readonly #name: string | undefined
  readonly #reused = new Set<Descriptor['digest']>()
  readonly #written: OciCompanion[] = []
  #companions: OciCompanions | undefined
  #root: RawManifest | undefined

  constructor(layout: OciLayout, reference: OciReference, traits: DestinationTraits) {
    this.reference = reference
    this.traits = traits
    this.#layout = layout
    this.#name = reference.image
  }

  async writeBlob(blob: OutgoingBlob, { signal }: OperationOptions = {}): Promise<void> {
    await this.#layout.writeBlob(blob.body, () => blob.written().digest, { file: blob.file, signal })
  }

  async writeManifest(manifest: RawManifest, options: OperationOptions & ManifestRole): Promise<void> {
    await this.#layout.writeBlob(manifest.bytes, () => manifest.digest, options)
    if (options.root) this.#root = manifest
    else if (options.referrer || options.tag !== undefined) this.#written.push({ manifest, name: options.tag })
  }

  /** A blob of another size than it should have is not there: writing it again repairs it. */
  async reuseBlob(blob: Descriptor, { signal }: OperationOptions = {}): Promise<Descriptor | undefined> {
    signal?.throwIfAborted()
    const size = await this.#layout.blobSize(blob.digest)
    if (size === undefined || size !== (blob.size ?? size)) return undefined
    this.#reused.add(blob.digest)
    return { ...blob, size }
  }

  /** Throws UNAVAILABLE (retryable) when somebody removed a reused blob meanwhile. */
  async commit(options: OperationOptions = {}): Promise<void> {
    const root = this.#root
    if (!root) throw new TransloadError('IO', `oci:${this.reference.text}: no manifest was written`)
    await using lock = await this.#layout.lockIndex(options)
    await this.#checkReused()
    const { mediaType, digest, bytes } = root
    const index = withManifest(lock.index, { mediaType, digest, size: bytes.length }, this.#name)
    await lock.write(withCosignKinds(withCompanions(index, this.#written), digest))
    this.#companions = undefined
  }

  async *readReferrers(
    subject: Digest,
    options?: OperationOptions & { readonly artifactType?: string | undefined },
  ): AsyncGenerator<Descriptor> {
    yield* (await this.#readCompanions(options)).readReferrers(subject, options)
  }

  async readTagged(tag: string, options?: OperationOptions): Promise<RawManifest | undefined> {
    return await (await this.#readCompanions(options)).readTagged(tag, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #readCompanions(options?: OperationOptions): Promise<OciCompanions> {
    const isNew = (await this.#layout.tree.fileSize('index.json')) === undefined
    return (this.#companions ??= new OciCompanions(
      this.#layout,
      isNew ? emptyOciIndex : await this.#layout.readIndex(options),
    ))
  }

  async #checkReused(): Promise<void> {
    for (const digest of this.#reused) {
      if ((await this.#layout.blobSize(digest)) !== undefined) continue
      throw new TransloadError('UNAVAILABLE', `oci:${this.reference.text}: blob ${digest} was removed meanwhile`, {
        retryable: true,
        hint: 'Another program deletes images from this layout. Copy again.',
      })
    }
  }
}
