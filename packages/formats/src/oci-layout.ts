import { posix } from 'node:path'

import {
  collect,
  digestAlgorithm,
  digestHex,
  maxManifestBytes,
  rawManifest,
  TransloadError,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import type { DirectoryTree, StageOptions } from './directory-tree.ts'
import { lockFile } from './file-lock.ts'
import type { ReadableTree, ReadRange } from './file-tree.ts'
import { emptyOciIndex, encodeOciIndex, parseOciIndex, type OciIndex } from './oci-index.ts'

/** Largest `index.json` that is read, in bytes: some 200,000 entries. */
const maxIndexBytes = 64 * 1024 * 1024

/**
 * An OCI image layout (OCI image spec 1.1, image-layout.md) being read, from a directory or straight out of a tar.
 * It holds no open files; all methods may be called concurrently. Content is not verified here: `readManifest` says
 * which digest the bytes have, and the reader of a blob knows which it wants.
 */
export class ReadableOciLayout {
  readonly tree: ReadableTree
  readonly #blobs: BlobPlace<ReadableTree>

  /** `sharedBlobs`: the tree that holds the blobs as `ALGORITHM/HEX`, in place of the layout's own `blobs/`. */
  constructor(tree: ReadableTree, sharedBlobs?: ReadableTree) {
    this.tree = tree
    this.#blobs = blobPlace(tree, sharedBlobs)
  }

  /** Throws IO when there is no `index.json`, MANIFEST_INVALID when it is not one. */
  async readIndex({ signal }: OperationOptions = {}): Promise<OciIndex> {
    const subject = this.tree.displayPath('index.json')
    return parseOciIndex(await collect(this.tree.read('index.json', { signal }), maxIndexBytes, subject), subject)
  }

  /**
   * A manifest stored as a blob, at most 4 MiB; without `mediaType` it is guessed from the bytes. `digest` of the
   * result is that of what was read, by the algorithm asked for. Throws MANIFEST_UNKNOWN, and MANIFEST_INVALID for a
   * signed schema 1 manifest of which no digest can be taken.
   */
  async readManifest(digest: Digest, mediaType?: string, { signal }: OperationOptions = {}): Promise<RawManifest> {
    const tree = this.#blobs.tree
    const path = this.#blobs.path(digest)
    if ((await tree.fileSize(path)) === undefined) {
      throw new TransloadError('MANIFEST_UNKNOWN', `open ${tree.displayPath(path)}: no such file or directory`)
    }
    const bytes = await collect(tree.read(path, { signal }), maxManifestBytes, `manifest ${digest}`)
    return rawManifest(bytes, mediaType, digestAlgorithm(digest))
  }

  /** In bytes; undefined when there is no such blob. */
  async blobSize(digest: Digest): Promise<number | undefined> {
    const tree = this.#blobs.tree
    const path = this.#blobs.path(digest)
    return await tree.fileSize(path)
  }

  /** Lazy, in chunks of up to 256 KiB. Throws BLOB_UNKNOWN. */
  async *readBlob(digest: Digest, range?: ReadRange): AsyncGenerator<Uint8Array> {
    range?.signal?.throwIfAborted()
    const tree = this.#blobs.tree
    const path = this.#blobs.path(digest)
    if ((await tree.fileSize(path)) === undefined) {
      throw new TransloadError('BLOB_UNKNOWN', `open ${tree.displayPath(path)}: no such file or directory`)
    }
    yield* tree.read(path, range)
  }

  /** Where the blob lies as a plain file; undefined when it does not, or is not there. */
  async blobFile(digest: Digest): Promise<string | undefined> {
    const tree = this.#blobs.tree
    const path = this.#blobs.path(digest)
    if (!tree.hostPath || (await tree.fileSize(path)) === undefined) return undefined
    return tree.hostPath(path)
  }
}

/** Exclusive access to `index.json`. Disposing it lets the next one in. */
export interface LockedIndex extends AsyncDisposable {
  /** As found; the empty index when there is none yet. */
  readonly index: OciIndex
  /** Replaces it atomically; from then on `index.json` and what it names survive a power cut. */
  write(index: OciIndex): Promise<void>
}

/**
 * An OCI image layout in a directory, which several processes may write at once: blobs appear whole under their
 * digest, and `index.json` is only changed under a lock (`index.json.lock`). Nothing is made before the
 * first write. All methods may be called concurrently.
 */
export class OciLayout extends ReadableOciLayout {
  declare readonly tree: DirectoryTree
  readonly #blobs: BlobPlace<DirectoryTree>
  /** Directories of blobs named since the last `LockedIndex.write`. */
  readonly #unsynced = new Set<string>()
  #lastInLine: Promise<void> = Promise.resolve()

  constructor(tree: DirectoryTree, sharedBlobs?: DirectoryTree) {
    super(tree, sharedBlobs)
    this.#blobs = blobPlace(tree, sharedBlobs)
  }

  /**
   * Stores a blob. `digest` is asked after `body` ended: whoever hashes it on the way knows only then. Replaces a
   * blob of that name. Whatever goes wrong, an error of `body` included, leaves nothing behind.
   */
  async writeBlob(
    body: AsyncIterable<Uint8Array> | Uint8Array,
    digest: () => Digest,
    options?: StageOptions,
  ): Promise<void> {
    await using staged = await this.#blobs.tree.stage(body, options)
    options?.signal?.throwIfAborted()
    await staged.moveTo(this.#nameBlob(digest()))
  }

  /** Takes over a file whose content was verified (see `DirectoryTree.adoptFile`). */
  async adoptBlob(file: string, digest: Digest): Promise<void> {
    await this.#blobs.tree.adoptFile(file, this.#nameBlob(digest))
  }

  /** False when there was none. Hold the index lock, and be sure that nothing in the index needs it. */
  async removeBlob(digest: Digest): Promise<boolean> {
    return await this.#blobs.tree.remove(this.#blobs.path(digest))
  }

  /**
   * Waits for exclusive access to `index.json` among all writers on this machine, and reads it. The directory is made
   * when missing. Throws UNAVAILABLE (retryable) when somebody holds it for a minute.
   */
  async lockIndex(options: OperationOptions = {}): Promise<LockedIndex> {
    // Queueing here spares writers of one process the polling that writers of several need.
    const turn = Promise.withResolvers<void>()
    const predecessor = this.#lastInLine
    this.#lastInLine = predecessor.then(() => turn.promise)
    await using undo = new AsyncDisposableStack()
    undo.defer(() => turn.resolve())
    await predecessor
    options.signal?.throwIfAborted()
    if (!this.tree.isScratch) {
      await this.tree.makeDirectory('')
      undo.use(await lockFile(this.tree.hostPath('index.json.lock'), options))
    }
    const isNew = (await this.tree.fileSize('index.json')) === undefined
    const index = isNew ? emptyOciIndex : await this.readIndex(options)
    const held = undo.move()
    return {
      index,
      write: (changed) => this.#writeIndex(changed),
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    }
  }

  async #writeIndex(index: OciIndex): Promise<void> {
    const { tree } = this
    await tree.makeDirectory('blobs')
    if ((await tree.fileSize('oci-layout')) === undefined) {
      await tree.write('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
    }
    const unsynced = [...this.#unsynced]
    this.#unsynced.clear()
    for (const directory of unsynced) await this.#blobs.tree.syncDirectory(directory)
    await tree.write('index.json', encodeOciIndex(index))
    await tree.syncDirectory('')
    await this.#blobs.tree.removeAbandoned()
  }

  #nameBlob(digest: Digest): string {
    const path = this.#blobs.path(digest)
    this.#unsynced.add(posix.dirname(path))
    return path
  }
}

/** Where blobs lie: `blobs/ALGORITHM/HEX` of the layout, or `ALGORITHM/HEX` of a tree that several layouts share. */
interface BlobPlace<T extends ReadableTree> {
  readonly tree: T
  path(digest: Digest): string
}

function blobPlace<T extends ReadableTree>(layout: T, shared: T | undefined): BlobPlace<T> {
  const prefix = shared ? '' : 'blobs/'
  return {
    tree: shared ?? layout,
    path: (digest) => `${prefix}${digestAlgorithm(digest)}/${digestHex(digest)}`,
  }
}
