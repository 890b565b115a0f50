import {
  digestOf,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageSource,
  type OpenOptions,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'
import {
  chooseSavedImage,
  readSavedImageContent,
  readSavedImages,
  type SavedImage,
  type SavedImageContent,
  type TarTree,
} from '@transload/formats'

import type { DockerArchiveReference } from './docker-archive-reference.ts'
import { openArchive } from './open-archive.ts'

/** Throws MANIFEST_UNKNOWN when there is no such file or image, MANIFEST_INVALID when it is no such archive. */
export async function openDockerArchiveSource(
  reference: DockerArchiveReference,
  maxUnpackedBytes: number | undefined,
  options: OpenOptions,
): Promise<ImageSource> {
  await using undo = new AsyncDisposableStack()
  const tree = undo.use(await openDockerArchive(reference.path, maxUnpackedBytes, options))
  const images = await readSavedImages(tree, options)
  const image = chooseSavedImage(images, { tag: reference.name, index: reference.index })
  undo.move()
  return new DockerArchiveSource(reference, tree, image)
}

/** The caller disposes it. Throws MANIFEST_UNKNOWN when there is no such file, IO when it is no whole tar. */
export async function openDockerArchive(
  path: string,
  maxUnpackedBytes: number | undefined,
  options: OpenOptions,
): Promise<TarTree> {
  const absence = `opening file ${JSON.stringify(path)}: open ${path}: no such file or directory`
  try {
    return await openArchive(path, absence, maxUnpackedBytes, options)
  } catch (cause) {
    if (!TransloadError.is(cause, 'IO')) throw cause
    throw new TransloadError('IO', `loading tar component "manifest.json": ${cause.message}`, { cause })
  }
}

/** The file stays open until it is disposed. Layers are read where they lie in it. */
class DockerArchiveSource implements ImageSource {
  readonly reference: DockerArchiveReference
  readonly #tree: TarTree
  readonly #image: SavedImage
  #content: Promise<SavedImageContent> | undefined

  constructor(reference: DockerArchiveReference, tree: TarTree, image: SavedImage) {
    this.reference = reference
    this.#tree = tree
    this.#image = image
  }

  async readManifest(digest: Digest | undefined, options?: OperationOptions): Promise<RawManifest> {
    const { manifest } = await this.#readContent(options)
    if (digest === undefined || digest === manifest.digest) return manifest
    throw new TransloadError('MANIFEST_UNKNOWN', `docker-archive:${this.reference.text}: no manifest ${digest}`)
  }

  async *readBlob({ digest }: Descriptor, options?: OperationOptions): AsyncGenerator<Uint8Array> {
    const content = await this.#readContent(options)
    if (digest === digestOf(content.config)) yield content.config
    else yield* content.readLayer(digest, options)
  }

  async layersForCopy(_manifest: RawManifest, options?: OperationOptions): Promise<readonly Descriptor[]> {
    return (await this.#readContent(options)).layers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tree[Symbol.asyncDispose]()
  }

  /** Once for all callers; again after it failed, if only because one of them gave up. */
  async #readContent(options?: OperationOptions): Promise<SavedImageContent> {
    options?.signal?.throwIfAborted()
    const reading = (this.#content ??= readSavedImageContent(this.#tree, this.#image, options))
    try {
      return await reading
    } catch (error) {
      if (this.#content === reading) this.#content = undefined
      throw error
    }
  }
}
