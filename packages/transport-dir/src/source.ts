import {
  collect,
  digestAlgorithm,
  maxManifestBytes,
  rawManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
  type SignatureReader,
  type StoredSignature,
} from '@transload/contract'
import { parseSignatureFile, type ReadableTree } from '@transload/formats'

import { blobFileName, instanceFileName, manifestFile, signatureFileName } from './layout.ts'
import type { DirReference } from './reference.ts'

const maxSignatureBytes = 4 * 1024 * 1024

/** Throws MANIFEST_UNKNOWN when there is no image in the directory, or no directory. */
export async function openDirSource(
  tree: ReadableTree,
  reference: DirReference,
  { signal }: OperationOptions,
): Promise<ImageSource> {
  signal?.throwIfAborted()
  if ((await tree.fileSize(manifestFile)) === undefined) throw missing('MANIFEST_UNKNOWN', tree, manifestFile)
  return new DirSource(tree, reference)
}

/** Holds nothing open between calls. */
class DirSource implements ImageSource {
  readonly reference: ImageReference
  readonly signatures: SignatureReader = { list: (manifest, options) => this.#listSignatures(manifest, options) }
  readonly #tree: ReadableTree

  constructor(tree: ReadableTree, reference: ImageReference) {
    this.#tree = tree
    this.reference = reference
  }

  async readManifest(digest: Digest | undefined, options: OperationOptions = {}): Promise<RawManifest> {
    options.signal?.throwIfAborted()
    if (digest === undefined) return await this.#readManifestFile(manifestFile, undefined, options)
    const name = instanceFileName(digest)
    if ((await this.#tree.fileSize(name)) !== undefined) return await this.#readManifestFile(name, digest, options)
    const root = await this.#readManifestFile(manifestFile, digest, options)
    if (root.digest !== digest) throw missing('MANIFEST_UNKNOWN', this.#tree, name)
    return root
  }

  async *readBlob({ digest }: Descriptor, options?: OperationOptions): AsyncGenerator<Uint8Array> {
    options?.signal?.throwIfAborted()
    const name = blobFileName(digest)
    if ((await this.#tree.fileSize(name)) === undefined) throw missing('BLOB_UNKNOWN', this.#tree, name)
    yield* this.#tree.read(name, options)
  }

  async blobFile({ digest }: Descriptor): Promise<string | undefined> {
    const name = blobFileName(digest)
    return (await this.#tree.fileSize(name)) === undefined ? undefined : this.#tree.hostPath?.(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** `digest` says by which algorithm; the result's is that of the bytes. */
  async #readManifestFile(
    name: string,
    digest: Digest | undefined,
    { signal }: OperationOptions,
  ): Promise<RawManifest> {
    const bytes = await collect(this.#tree.read(name, { signal }), maxManifestBytes, this.#tree.displayPath(name))
    return rawManifest(bytes, undefined, digest && digestAlgorithm(digest))
  }

  async #listSignatures(manifest: Digest, options: OperationOptions = {}): Promise<readonly StoredSignature[]> {
    options.signal?.throwIfAborted()
    const root = await this.#readManifestFile(manifestFile, manifest, options)
    const instance = root.digest === manifest ? undefined : manifest
    const signatures: StoredSignature[] = []
    for (let position = 1; ; position += 1) {
      const name = signatureFileName(position, instance)
      if ((await this.#tree.fileSize(name)) === undefined) return signatures
      const file = this.#tree.displayPath(name)
      const bytes = await collect(this.#tree.read(name, options), maxSignatureBytes, file)
      signatures.push(parseSignatureFile(bytes, file))
    }
  }
}

function missing(code: string, tree: ReadableTree, name: string): TransloadError {
  return new TransloadError(code, `open ${tree.displayPath(name)}: no such file or directory`)
}
