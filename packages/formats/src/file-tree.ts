import { TransloadError, type OperationOptions } from '@transload/contract'

/** Part of a file: from byte `start` (default 0) up to, not including, byte `end` (default: its end). */
export interface ReadRange extends OperationOptions {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/**
 * Files under a root, named by relative POSIX paths (`blobs/sha256/ab12…`). A directory is one, an uncompressed
 * tar file can be another. Every method may be called concurrently, and every method rejects a path that leaves
 * the root or is not in its shortest form (IO). System errors (ENOSPC, EACCES …) pass through as they are.
 */
export interface ReadableTree {
  /** For messages: the path of `path` as a person would write it. */
  displayPath(path: string): string
  /** Size in bytes of the regular file at `path`; undefined when there is none. */
  fileSize(path: string): Promise<number | undefined>
  /**
   * The bytes of a file, in chunks of up to 256 KiB that are the receiver's to keep. Lazy: opened when iteration
   * starts, closed however it ends. Throws IO with `open PATH: no such file or directory` when there is none.
   */
  read(path: string, range?: ReadRange): AsyncIterable<Uint8Array>
  /** Names (not paths) of the entries of a directory ('' for the root), sorted; none when there is no such directory. */
  list(directory: string): Promise<readonly string[]>
  /** Where the operating system finds the file as a plain file of exactly its bytes, if it does; it need not exist. */
  hostPath?(path: string): string
}

/** Throws IO unless `path` is a relative POSIX path in its shortest form that stays below its root. */
export function checkTreePath(path: string): void {
  const isConfined = path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part))
  if (!isConfined) throw new TransloadError('IO', `${JSON.stringify(path)} is not a path inside a file tree`)
}
