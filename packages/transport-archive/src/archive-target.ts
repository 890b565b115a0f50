import { constants, open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'
import { DirectoryTree, TarFileWriter, TarStreamWriter, temporaryName, type TarWriter } from '@transload/formats'

export interface ArchiveTargetOptions extends OperationOptions {
  readonly tempDirectory: string
  /** Permissions of the files in the archive. */
  readonly entryMode: number
  /** What to throw when the file exists and is not empty; absent: it is replaced. */
  readonly refusal?: string
}

/** Where an archive is written to. Disposing it without `publish` leaves nothing. */
export interface ArchiveTarget extends AsyncDisposable {
  readonly tar: TarWriter
  /** Bytes go out as they are written and cannot be taken back. */
  readonly isPipe: boolean
  /** After `tar.finish`: makes the archive durable and gives it its name, atomically. */
  publish(options?: OperationOptions): Promise<void>
}

/**
 * A file is written under another name beside `path`; a pipe or device, such as /dev/stdout, directly. Throws
 * DESTINATION_EXISTS with `refusal`, and IO where no file can be made.
 */
export async function openArchiveTarget(path: string, options: ArchiveTargetOptions): Promise<ArchiveTarget> {
  options.signal?.throwIfAborted()
  const existing = await stat(path).catch(ignoreMissing)
  if (existing?.isDirectory()) throw new TransloadError('IO', `open ${path}: is a directory`)
  if (existing?.isFile() && existing.size > 0) refuse(options.refusal)
  if (existing && (!existing.isFile() || /^\/(dev|proc)\//.test(path))) return await openPipe(path, options)
  return await openFile(existing ? await realpath(path) : path, existing?.mode, options)
}

async function openPipe(path: string, { tempDirectory, entryMode }: ArchiveTargetOptions): Promise<ArchiveTarget> {
  // No O_CREAT: a device that went away must not become a file.
  const handle = await open(path, constants.O_WRONLY)
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let written = 0; written < bytes.length;) {
      written += (await handle.write(bytes, written, bytes.length - written, null)).bytesWritten
    }
  }
  const close = closeOnce(handle)
  return {
    tar: new TarStreamWriter(write, { tempDirectory, mode: entryMode }),
    isPipe: true,
    publish: close,
    [Symbol.asyncDispose]: close,
  }
}

async function openFile(
  path: string,
  mode: number | undefined,
  { tempDirectory, entryMode, refusal }: ArchiveTargetOptions,
): Promise<ArchiveTarget> {
  const temporary = join(dirname(path), temporaryName())
  // A file made by `mktemp` stays private, from the start.
  const handle = await open(temporary, 'wx+', mode === undefined ? 0o644 : mode & 0o777).catch((cause: unknown) => {
    if (!['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) throw cause
    throw new TransloadError('IO', `open ${path}: no such file or directory`, { cause })
  })
  const close = closeOnce(handle)
  let isPublished = false
  return {
    tar: new TarFileWriter(handle, { tempDirectory, mode: entryMode }),
    isPipe: false,
    async publish({ signal } = {}) {
      if (mode !== undefined) await handle.chmod(mode & 0o777)
      await handle.datasync()
      await close()
      signal?.throwIfAborted()
      const existing = await stat(path).catch(ignoreMissing)
      if (existing && existing.size > 0) refuse(refusal)
      await rename(temporary, path)
      isPublished = true
      await new DirectoryTree(dirname(path)).syncDirectory('')
    },
    async [Symbol.asyncDispose]() {
      await close()
      if (!isPublished) await rm(temporary, { force: true })
    },
  }
}

function refuse(refusal: string | undefined): void {
  if (refusal === undefined) return
  throw new TransloadError('DESTINATION_EXISTS', refusal, { hint: 'Name a file that does not exist, or remove it.' })
}

function ignoreMissing(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) throw error
}

function closeOnce(handle: FileHandle): () => Promise<void> {
  let closing: Promise<void> | undefined
  return async () => await (closing ??= handle.close())
}
