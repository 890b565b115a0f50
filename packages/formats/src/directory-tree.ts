import { open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { systemErrorCode, type OperationOptions } from '@transload/contract'

import { cloneFile } from './clone-file.ts'
import { checkTreePath, type ReadableTree, type ReadRange } from './file-tree.ts'
import { makeDirectory } from './make-directory.ts'
import { once } from './once.ts'
import { readFile } from './read-file.ts'
import { isTemporaryName, temporaryName } from './temporary-name.ts'
import { writeStream } from './write-stream.ts'

/** No writer goes for so long without writing: what it wrote was left behind by a process that was killed. */
const abandonedAfterMs = 24 * 60 * 60 * 1000

export interface DirectoryTreeOptions {
  /**
   * A tree only this object writes and nobody needs after a crash, such as an unpacked archive: files are not
   * synced to disk. Default false.
   */
  readonly scratch?: boolean
}

export interface StageOptions extends OperationOptions {
  /**
   * A plain file with the bytes `body` yields. It is cloned, or copied by the kernel, in place of writing `body`,
   * which is still read to its end: that is the verification.
   */
  readonly file?: string | undefined
}

/** A complete file that has no name yet. Disposing one that was not moved removes it. */
export interface StagedFile extends AsyncDisposable {
  readonly size: number
  /** Gives the file its name, atomically; replaces a file of that name, and makes missing directories. Once. */
  moveTo(path: string): Promise<void>
}

/**
 * A directory as a file tree. The directory is made when the first file is written. Temporary files (`transload-put-…`)
 * lie in the root. A file is synced to disk (fdatasync) before it gets its name; a name is durable after `syncDirectory`.
 *
 * Names are confined to the root; symbolic links inside it are followed for reading, being its owner's doing, and
 * replaced, not followed, by a file that is moved over them.
 */
export class DirectoryTree implements ReadableTree {
  readonly root: string
  readonly isScratch: boolean

  constructor(root: string, options: DirectoryTreeOptions = {}) {
    this.root = root
    this.isScratch = options.scratch ?? false
  }

  displayPath(path: string): string {
    return this.hostPath(path)
  }

  hostPath(path: string): string {
    checkTreePath(path)
    return join(this.root, path)
  }

  async fileSize(path: string): Promise<number | undefined> {
    const found = await stat(this.hostPath(path)).catch(ignoreMissing)
    return found?.isFile() ? found.size : undefined
  }

  read(path: string, range?: ReadRange): AsyncGenerator<Uint8Array> {
    return readFile(this.hostPath(path), range)
  }

  async list(directory: string): Promise<readonly string[]> {
    const names = await readdir(this.#hostDirectory(directory)).catch(ignoreMissing)
    return names?.sort() ?? []
  }

  /**
   * Stores `body` under a temporary name. Whatever goes wrong, an error of `body` itself included, leaves nothing
   * behind and is thrown as it is.
   */
  async stage(body: AsyncIterable<Uint8Array> | Uint8Array, options: StageOptions = {}): Promise<StagedFile> {
    await this.makeDirectory('')
    const content = body instanceof Uint8Array ? once(body) : body
    const path = join(this.root, temporaryName())
    try {
      await using handle = await open(path, 'wx', 0o644)
      const size = options.file
        ? await cloneFile(options.file, path, handle, content, options)
        : await writeStream(handle, content, options)
      if (!this.isScratch) await handle.datasync()
      return this.#staged(path, size)
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }

  /** `stage` and `moveTo` in one, where the name is known. */
  async write(path: string, body: AsyncIterable<Uint8Array> | Uint8Array, options?: StageOptions): Promise<void> {
    checkTreePath(path)
    await using staged = await this.stage(body, options)
    await staged.moveTo(path)
  }

  /**
   * Takes over a complete file on the same disk: syncs it and gives it its name in the tree, atomically. Whoever
   * wrote it must have closed it and verified its content. Throws EXDEV when it lies on another disk.
   */
  async adoptFile(file: string, path: string): Promise<void> {
    checkTreePath(path)
    if (!this.isScratch) {
      await using handle = await open(file, 'r+')
      await handle.datasync()
    }
    await this.#move(file, path)
  }

  /** Removes a file; false when there was none. */
  async remove(path: string): Promise<boolean> {
    const isRemoved = await unlink(this.hostPath(path)).then(() => true, ignoreMissing)
    return isRemoved ?? false
  }

  /** Makes a directory ('' for the root) and those above it, if missing. */
  async makeDirectory(directory: string): Promise<void> {
    await makeDirectory(this.#hostDirectory(directory))
  }

  /** After this the names in `directory` ('' for the root) survive a power cut. Does nothing for a scratch tree. */
  async syncDirectory(directory: string): Promise<void> {
    if (this.isScratch) return
    try {
      await using handle = await open(this.#hostDirectory(directory), 'r')
      await handle.sync()
    } catch (error) {
      // Windows opens no directories and some network file systems do not sync them; neither has an equivalent.
      if (!['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP', 'ENOENT'].includes(systemErrorCode(error) ?? '')) throw error
    }
  }

  /**
   * A tree inside this one, under a temporary name, to prepare several files that get their names together. Nothing
   * is made before something is written to it; whoever asked for it removes it.
   */
  newStagingTree(): DirectoryTree {
    return new DirectoryTree(join(this.root, temporaryName()), { scratch: this.isScratch })
  }

  /** Removes what writers that were killed left under temporary names, a day after they wrote last. */
  async removeAbandoned(): Promise<void> {
    for (const name of await this.list('')) {
      if (!isTemporaryName(name)) continue
      const path = join(this.root, name)
      const info = await stat(path).catch(ignoreMissing)
      if (info && Date.now() - info.mtimeMs > abandonedAfterMs) await rm(path, { recursive: true, force: true })
    }
  }

  #hostDirectory(directory: string): string {
    return directory === '' ? this.root : this.hostPath(directory)
  }

  #staged(path: string, size: number): StagedFile {
    let isMoved = false
    return {
      size,
      moveTo: async (target) => {
        await this.#move(path, target)
        isMoved = true
      },
      [Symbol.asyncDispose]: async () => {
        if (!isMoved) await rm(path, { force: true })
      },
    }
  }

  async #move(file: string, path: string): Promise<void> {
    const target = this.hostPath(path)
    try {
      await rename(file, target)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
      await makeDirectory(dirname(target))
      await rename(file, target)
    }
  }
}

function ignoreMissing(error: unknown): undefined {
  if (systemErrorCode(error) !== 'ENOENT') throw error
}
