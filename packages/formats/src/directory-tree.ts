import { randomBytes } from 'node:crypto'
import { constants, mkdir, open, readdir, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { systemErrorCode, TransloadError } from '@transload/contract'

import { cloneFile } from './clone-file.ts'
import { checkTreePath, type ReadRange, type StagedFile, type StageOptions, type WritableTree } from './file-tree.ts'
import { writeStream } from './write-stream.ts'

export interface DirectoryTreeOptions {
  /**
   * A tree only this object writes and nobody needs after a crash, such as an unpacked archive: files are not
   * synced to disk. Default false.
   */
  readonly scratch?: boolean
  /** What names of temporary files start with; a random part follows. Default `transload-put-`. */
  readonly temporaryPrefix?: string
}

const readChunkBytes = 1024 * 1024

/**
 * A directory as a file tree. The directory is made when the first file is written. Temporary files lie in the
 * root. A file is synced to disk (fdatasync) before it gets its name; a name is durable after `syncDirectory`.
 *
 * Names are confined to the root; symbolic links inside it are followed for reading, being its owner's doing, and
 * replaced, not followed, by a file that is moved over them.
 */
export class DirectoryTree implements WritableTree {
  readonly root: string
  readonly isScratch: boolean
  readonly #temporaryPrefix: string

  constructor(root: string, options: DirectoryTreeOptions = {}) {
    this.root = root
    this.isScratch = options.scratch ?? false
    this.#temporaryPrefix = options.temporaryPrefix ?? 'transload-put-'
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

  async *read(path: string, { start = 0, end = Infinity, signal }: ReadRange = {}): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    await using handle = await openForReading(this.hostPath(path))
    const { size } = await handle.stat()
    for (let position = start; position < Math.min(end, size);) {
      signal?.throwIfAborted()
      const length = Math.min(readChunkBytes, Math.min(end, size) - position)
      // A fresh buffer each time, because chunks belong to the receiver; of the file's size when that is small.
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
    }
  }

  async list(directory: string): Promise<readonly string[]> {
    const names = await readdir(this.#hostDirectory(directory)).catch(ignoreMissing)
    return names?.sort() ?? []
  }

  async stage(body: AsyncIterable<Uint8Array> | Uint8Array, options: StageOptions = {}): Promise<StagedFile> {
    await this.makeDirectory('')
    const content = body instanceof Uint8Array ? once(body) : body
    const path = join(this.root, `${this.#temporaryPrefix}${randomBytes(9).toString('base64url')}`)
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

  async remove(path: string): Promise<boolean> {
    const isRemoved = await unlink(this.hostPath(path)).then(() => true, ignoreMissing)
    return isRemoved ?? false
  }

  /** Makes a directory ('' for the root) and those above it, if missing. */
  async makeDirectory(directory: string): Promise<void> {
    await mkdir(this.#hostDirectory(directory), { recursive: true })
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
      await mkdir(dirname(target), { recursive: true })
      await rename(file, target)
    }
  }
}

/** Never waits for a writer: a FIFO where a file should be is an error, not a hang. */
async function openForReading(path: string): Promise<FileHandle> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new TransloadError('IO', `open ${path}: no such file or directory`, { cause })
  }
  const info = await handle.stat()
  if (info.isFile()) return handle
  await handle.close()
  throw new TransloadError('IO', `read ${path}: is ${info.isDirectory() ? 'a directory' : 'not a regular file'}`)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function ignoreMissing(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) throw error
}
