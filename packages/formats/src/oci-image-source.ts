import {
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { chooseOciEntry, type OciImageChoice } from './choose-oci-entry.ts'
import { OciCompanions } from './oci-companions.ts'
import type { OciIndex } from './oci-index.ts'
import type { ReadableOciLayout } from './oci-layout.ts'
import { findLoneImage } from './oci-referrers.ts'

/** What the source was opened for. */
interface OciRoot {
  readonly digest: Digest
  /** Absent: to be guessed. */
  readonly mediaType?: string
}

/** Reads a layer from one of its `urls`. Lazy; the bytes need not be verified. */
export type ForeignLayerReader = (layer: Descriptor, options: OperationOptions) => AsyncIterable<Uint8Array>

export interface OciImageSourceOptions extends OperationOptions {
  /** What the layout lies in, if it is to be disposed with the source. */
  readonly owned?: AsyncDisposable
  /** For layers that have URLs and are not stored. */
  readonly readForeignLayer?: ForeignLayerReader | undefined
}

/**
 * An image of a layout, as the index had it when the source was opened. Throws what `chooseOciEntry`
 * does, and IO when there is no layout; `owned` is then still the caller's.
 */
export async function openOciImageSource(
  layout: ReadableOciLayout,
  reference: ImageReference & OciImageChoice,
  options: OciImageSourceOptions,
): Promise<ImageSource> {
  const index = await layout.readIndex(options)
  return new OciImageSource(layout, reference, index, await findRoot(layout, index, reference, options), options)
}

/** A digest may also be that of a manifest which only an index in the layout names. */
async function findRoot(
  layout: ReadableOciLayout,
  index: OciIndex,
  choice: OciImageChoice,
  options: OperationOptions,
): Promise<OciRoot> {
  const { image, position, digest } = choice
  if (image === undefined && position === undefined && digest === undefined && index.manifests.length > 1) {
    // What goes along with the image is not meant.
    const lone = await findLoneImage(layout, index, options)
    if (lone) return lone
  }
  const isListed = index.manifests.some((entry) => entry.digest === digest)
  if (digest === undefined || isListed || (await layout.blobSize(digest)) === undefined) {
    return chooseOciEntry(index, choice)
  }
  return { digest }
}

/** Holds nothing open between calls but what it owns. */
class OciImageSource implements ImageSource {
  readonly reference: ImageReference
  readonly #layout: ReadableOciLayout
  readonly #index: OciIndex
  readonly #companions: OciCompanions
  readonly #root: OciRoot
  readonly #owned: AsyncDisposable | undefined
  readonly #readForeignLayer: ForeignLayerReader | undefined

  constructor(
    layout: ReadableOciLayout,
    reference: ImageReference,
    index: OciIndex,
    root: OciRoot,
    { owned, readForeignLayer }: OciImageSourceOptions,
  ) {
    this.reference = reference
    this.#layout = layout
    this.#index = index
    this.#companions = new OciCompanions(layout, index)
    this.#root = root
    this.#owned = owned
    this.#readForeignLayer = readForeignLayer
  }

  async readManifest(digest: Digest | undefined, options?: OperationOptions): Promise<RawManifest> {
    const wanted = digest ?? this.#root.digest
    const entry = digest === undefined ? this.#root : this.#index.manifests.find((other) => other.digest === digest)
    const manifest = await this.#layout.readManifest(wanted, entry?.mediaType, options)
    if (manifest.digest !== wanted) {
      throw new TransloadError('DIGEST_MISMATCH', `Manifest does not match provided manifest digest ${wanted}`)
    }
    return manifest
  }

  async *readBlob(blob: Descriptor, options: OperationOptions = {}): AsyncGenerator<Uint8Array> {
    const { digest, urls } = blob
    const isElsewhere = urls !== undefined && (await this.#layout.blobSize(digest)) === undefined
    yield* isElsewhere && this.#readForeignLayer
      ? this.#readForeignLayer(blob, options)
      : this.#layout.readBlob(digest, options)
  }

  readReferrers(
    subject: Digest,
    options?: OperationOptions & { readonly artifactType?: string | undefined },
  ): AsyncIterable<Descriptor> {
    return this.#companions.readReferrers(subject, options)
  }

  async readTagged(tag: string, options?: OperationOptions): Promise<RawManifest | undefined> {
    return await this.#companions.readTagged(tag, options)
  }

  async blobFile({ digest }: Descriptor): Promise<string | undefined> {
    return await this.#layout.blobFile(digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned?.[Symbol.asyncDispose]()
  }
}
