import {
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageSource,
  type OpenOptions,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'
import { chooseOciEntry, ReadableOciLayout, type OciIndex, type OciIndexEntry, type TarTree } from '@transload/formats'

import type { OciArchiveReference } from './oci-archive-reference.ts'
import { openArchive } from './open-archive.ts'

/** Throws MANIFEST_UNKNOWN when there is no such file or image. */
export async function openOciArchiveSource(
  reference: OciArchiveReference,
  maxUnpackedBytes: number | undefined,
  options: OpenOptions,
): Promise<ImageSource> {
  await using undo = new AsyncDisposableStack()
  const absence = `archive file not found: ${JSON.stringify(reference.path)}`
  const tree = undo.use(await openArchive(reference.path, absence, maxUnpackedBytes, options))
  const index = await new ReadableOciLayout(tree).readIndex(options)
  const root = chooseOciEntry(index, { image: reference.image })
  undo.move()
  return new OciArchiveSource(reference, tree, index, root)
}

/** The file stays open until it is disposed. Blobs are read where they lie in it. */
class OciArchiveSource implements ImageSource {
  readonly reference: OciArchiveReference
  readonly #tree: TarTree
  readonly #layout: ReadableOciLayout
  readonly #index: OciIndex
  readonly #root: OciIndexEntry

  constructor(reference: OciArchiveReference, tree: TarTree, index: OciIndex, root: OciIndexEntry) {
    this.reference = reference
    this.#tree = tree
    this.#layout = new ReadableOciLayout(tree)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tree[Symbol.asyncDispose]()
  }
}
