import { readdir, rename, rm, rmdir } from 'node:fs/promises'

import {
  collect,
  digestAlgorithm,
  systemErrorCode,
  TransloadError,
  type Descriptor,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type ImageReference,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
  type SignatureWriter,
} from '@transload/contract'
import { encodeSignatureFile, isTemporaryName, type DirectoryTree } from '@transload/formats'

import {
  blobFileName,
  instanceFileName,
  isImageFileName,
  isVersionLine,
  manifestFile,
  signatureFileName,
  versionFile,
  versionLine,
} from './layout.ts'
import type { DirReference } from './reference.ts'

/** Writes nothing. Throws DESTINATION_EXISTS when the directory holds anything but an image. */
export async function openDirDestination(
  tree: DirectoryTree,
  reference: DirReference,
  options: OperationOptions,
): Promise<ImageDestination> {
  options.signal?.throwIfAborted()
  const entries = await listExisting(tree)
  const former = entries?.filter((name) => !isTemporaryName(name)) ?? []
  if (former.length > 0 && !(await isImageDirectory(tree, options))) {
    throw new TransloadError(
      'DESTINATION_EXISTS',
      "not a containers image directory, don't want to overwrite important data",
      { hint: `${tree.root} is not empty and no image. Name a directory that does not exist yet, or empty it.` },
    )
  }
  return new DirDestination(tree, reference, former.filter(isImageFileName), entries === undefined)
}

/**
 * The image is prepared in a directory of its own within the destination. `commit` moves its files out, `manifest.json`
 * last: until then the former image is whole, from then on the new one is, and a crash leaves one of them. (Swapping
 * whole directories would need the parent's permission, could not be done to a mount point, and has a moment where
 * there is neither.) The former image's files are removed at the end; a file of other names stays.
 */
class DirDestination implements ImageDestination {
  readonly reference: ImageReference
  readonly traits: DestinationTraits = { layers: 'as-is', multiImage: true }
  readonly signatures: SignatureWriter
  readonly #tree: DirectoryTree
  readonly #staging: DirectoryTree
  readonly #former: readonly string[]
  readonly #isNew: boolean
  /** Encoded, by manifest; in order. */
  readonly #signatures = new Map<Digest, readonly Uint8Array[]>()
  #root: Digest | undefined
  #needsAlgorithmNames = false
  #isCommitted = false

  constructor(tree: DirectoryTree, reference: ImageReference, former: readonly string[], isNew: boolean) {
    this.#tree = tree
    this.reference = reference
    this.#staging = tree.newStagingTree()
    this.#former = former
    this.#isNew = isNew
    this.signatures = {
      replace: async (manifest, signatures, { signal } = {}) => {
        signal?.throwIfAborted()
        this.#signatures.set(manifest, signatures.map(encodeSignatureFile))
      },
    }
  }

  async writeBlob(blob: OutgoingBlob, { signal }: OperationOptions = {}): Promise<void> {
    await using staged = await this.#staging.stage(blob.body, { file: blob.file, signal })
    signal?.throwIfAborted()
    await staged.moveTo(blobFileName(this.#noteAlgorithm(blob.written().digest)))
  }

  async writeManifest(manifest: RawManifest, options: OperationOptions & { readonly root: boolean }): Promise<void> {
    const name = options.root ? manifestFile : instanceFileName(this.#noteAlgorithm(manifest.digest))
    await this.#staging.write(name, manifest.bytes, options)
    if (options.root) this.#root = manifest.digest
  }

  /** Only what this write has stored: the former image's files are about to go. */
  async reuseBlob(blob: Descriptor, { signal }: OperationOptions = {}): Promise<Descriptor | undefined> {
    signal?.throwIfAborted()
    const size = await this.#staging.fileSize(blobFileName(blob.digest))
    return size === undefined || size !== (blob.size ?? size) ? undefined : { ...blob, size }
  }

  async commit({ signal }: OperationOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#root === undefined) throw new TransloadError('IO', `dir:${this.reference.text}: no manifest was written`)
    const version = versionLine(this.#needsAlgorithmNames ? '1.2' : '1.1')
    await this.#staging.write(versionFile, Buffer.from(version), { signal })
    await this.#writeSignatures({ signal })
    const names = (await this.#staging.list('')).filter((name) => name !== manifestFile)
    signal?.throwIfAborted()
    for (const name of names) await this.#publish(name)
    await this.#tree.syncDirectory('')
    await this.#publish(manifestFile)
    await this.#tree.syncDirectory('')
    this.#isCommitted = true
    const current = new Set([...names, manifestFile])
    for (const name of this.#former) if (!current.has(name)) await this.#tree.remove(name)
    await this.#removeStaging()
    await this.#tree.removeAbandoned()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removeStaging()
    if (this.#isNew && !this.#isCommitted) await rmdir(this.#tree.root).catch(ignoreNotEmpty)
  }

  async #writeSignatures(options: OperationOptions): Promise<void> {
    for (const [manifest, files] of this.#signatures) {
      const instance = manifest === this.#root ? undefined : manifest
      for (const [index, bytes] of files.entries()) {
        await this.#staging.write(signatureFileName(index + 1, instance), bytes, options)
      }
    }
  }

  async #removeStaging(): Promise<void> {
    await rm(this.#staging.root, { recursive: true, force: true })
  }

  async #publish(name: string): Promise<void> {
    await rename(this.#staging.hostPath(name), this.#tree.hostPath(name))
  }

  #noteAlgorithm(digest: Digest): Digest {
    if (digestAlgorithm(digest) !== 'sha256') this.#needsAlgorithmNames = true
    return digest
  }
}

async function isImageDirectory(tree: DirectoryTree, options: OperationOptions): Promise<boolean> {
  if ((await tree.fileSize(versionFile)) === undefined) return false
  const content = await collect(tree.read(versionFile, { ...options, end: 100 }))
  return isVersionLine(Buffer.from(content).toString())
}

/** Names of what is in the directory; undefined when there is no directory. */
async function listExisting(tree: DirectoryTree): Promise<readonly string[] | undefined> {
  try {
    return await readdir(tree.root)
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    if (systemErrorCode(cause) !== 'ENOTDIR') throw cause
    throw new TransloadError('IO', `open ${tree.root}: not a directory`, { cause })
  }
}

/** Somebody else may have put something in, or removed it. */
function ignoreNotEmpty(error: unknown): void {
  if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? '')) throw error
}
