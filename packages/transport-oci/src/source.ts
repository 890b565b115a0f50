import {
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'
import { chooseOciEntry, type OciIndex, type OciIndexEntry, type ReadableOciLayout } from '@transload/formats'

import type { OciReference } from './reference.ts'

/** Throws what `chooseOciEntry` does, and IO when there is no layout. */
export async function openOciSource(
  layout: ReadableOciLayout,
  reference: OciReference,
  options: OperationOptions,
): Promise<ImageSource> {
  const index = await layout.readIndex(options)
  return new OciSource(layout, reference, index, chooseOciEntry(index, reference))
}

/** An image as the index had it when the source was opened. Holds nothing open between calls. */
class OciSource implements ImageSource {
  readonly reference: ImageReference
  readonly #layout: ReadableOciLayout
  readonly #index: OciIndex
  readonly #root: OciIndexEntry

  constructor(layout: ReadableOciLayout, reference: ImageReference, index: OciIndex, root: OciIndexEntry) {
    this.reference = reference
    this.#layout = layout
    this.#index = index
    this.#root = root
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

  async *readBlob({ digest }: Descriptor, options?: OperationOptions): AsyncGenerator<Uint8Array> {
    yield* this.#layout.readBlob(digest, options)
  }

  async blobFile({ digest }: Descriptor): Promise<string | undefined> {
    return await this.#layout.blobFile(digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
