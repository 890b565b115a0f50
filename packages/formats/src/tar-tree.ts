import { open, type FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'

import { TransloadError, type OperationOptions } from '@transload/contract'

import { compressionMagicBytes, decompressor, detectCompression } from './compression.ts'
import { readFileRange } from './file-range.ts'
import { checkTreePath, type ReadableTree, type ReadRange } from './file-tree.ts'
import { spool } from './spool-file.ts'
import { cleanTarName, readTarIndex, type TarEntry } from './tar-index.ts'

export interface OpenTarOptions extends OperationOptions {
  /** Where a compressed archive, or one that is not a file, is unpacked to. */
  readonly tempDirectory: string
  /** Most bytes to unpack a compressed archive to; more throws SIZE_LIMIT. Default 256 GiB. */
  readonly maxUnpackedBytes?: number | undefined
}

const defaultMaxUnpackedBytes = 256 * 1024 ** 3

/**
 * The files of a tar as a tree. Their data is read where it lies; opening reads the headers only, unless the archive
 * is compressed or a pipe: that is unpacked to a temporary file first. A symbolic or hard link is read as the file it
 * names, if that is a file. Disposing it closes the archive.
 */
export class TarTree implements ReadableTree, AsyncDisposable {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #entries: ReadonlyMap<string, TarEntry>
  readonly #opened: AsyncDisposable

  private constructor(
    path: string,
    handle: FileHandle,
    entries: ReadonlyMap<string, TarEntry>,
    opened: AsyncDisposable,
  ) {
    this.#path = path
    this.#handle = handle
    this.#entries = entries
    this.#opened = opened
  }

  /** System errors pass through; IO for what is no tar, in none of the known compressions. */
  static async open(path: string, options: OpenTarOptions): Promise<TarTree> {
    await using undo = new AsyncDisposableStack()
    const file = undo.use(await open(path, 'r'))
    try {
      const plain = await unpackIfNeeded(path, file, undo, options)
      const entries = await readTarIndex(plain, options)
      return new TarTree(path, plain, entries, undo.move())
    } catch (cause) {
      if (!TransloadError.is(cause, 'IO')) throw cause
      throw new TransloadError('IO', `reading ${JSON.stringify(path)}: ${cause.message}`, { cause })
    }
  }

  displayPath(path: string): string {
    return `${this.#path}:${path}`
  }

  async fileSize(path: string): Promise<number | undefined> {
    return this.#findFile(path)?.size
  }

  async *read(path: string, { start = 0, end, signal }: ReadRange = {}): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted()
    const entry = this.#findFile(path)
    if (!entry) throw new TransloadError('IO', `open ${this.displayPath(path)}: no such file or directory`)
    if (entry.type === 'sparse') {
      throw new TransloadError('IO', `read ${this.displayPath(path)}: sparse files in a tar are not supported`, {
        hint: 'Make the archive again without --sparse.',
      })
    }
    const last = entry.offset + Math.min(entry.size, end ?? entry.size)
    yield* readFileRange(this.#handle, entry.offset + start, last, { signal })
  }

  async list(directory: string): Promise<readonly string[]> {
    const prefix = directory === '' ? '' : `${directory}/`
    const names = new Set<string>()
    for (const name of this.#entries.keys()) {
      if (name.startsWith(prefix)) names.add(name.slice(prefix.length).split('/', 1)[0]!)
    }
    return [...names].sort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]()
  }

  #findFile(path: string): TarEntry | undefined {
    checkTreePath(path)
    const entry = this.#entries.get(path)
    const target = entry && linkTarget(entry)
    const found = target === undefined ? entry : this.#entries.get(target)
    return found?.type === 'file' || found?.type === 'sparse' ? found : undefined
  }
}

function linkTarget({ name, type, linkName }: TarEntry): string | undefined {
  if (type === 'hardlink') return linkName
  if (type !== 'symlink') return undefined
  return cleanTarName(posix.isAbsolute(linkName) ? linkName : posix.join(posix.dirname(name), linkName)) ?? ''
}

/** A seekable, uncompressed file with the archive's content: `file` itself, or a temporary one that `undo` removes. */
async function unpackIfNeeded(
  path: string,
  file: FileHandle,
  undo: AsyncDisposableStack,
  { tempDirectory, maxUnpackedBytes = defaultMaxUnpackedBytes, signal }: OpenTarOptions,
): Promise<FileHandle> {
  const status = await file.stat()
  if (status.isDirectory()) throw new TransloadError('IO', 'is a directory')
  const limits = { tempDirectory, maxBytes: maxUnpackedBytes, subject: path, signal }
  let plain = file
  let size = status.size
  if (!status.isFile()) {
    const stream = file.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 })
    const spooled = undo.use(await spool(stream, limits))
    plain = spooled.handle
    size = spooled.size
  }
  const head = Buffer.alloc(compressionMagicBytes)
  await plain.read(head, 0, head.length, 0)
  const compression = detectCompression(head)
  if (!compression) return plain
  const unpacked = await spool(decompressor(compression)(readFileRange(plain, 0, size, { signal })), limits)
  return undo.use(unpacked).handle
}
