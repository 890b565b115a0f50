import { TransloadError, type OperationOptions } from '@transload/contract'

import { tarPaddingBytes } from './tar-header.ts'

/** A file on its way into a tar. */
export interface NewTarFile {
  /**
   * As a function it is asked after `body` ended, for content that is named by its digest; undefined leaves the
   * file out. Such names have at most 100 bytes.
   */
  readonly name: string | (() => string | undefined)
  /** In bytes, if known: the file can then be written in place beside others. Another length throws SIZE_MISMATCH. */
  readonly size?: number | undefined
  /** Throws, possibly after the last byte, if the content is wrong: the file is then left out and the error thrown. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface TarWriterOptions {
  /** Where files of unknown size wait for their turn. */
  readonly tempDirectory: string
  /** Permissions of all files. Symbolic links have none. */
  readonly mode: number
  /** Of all entries: seconds since 1970. Default 0. */
  readonly modifiedSeconds?: number | undefined
}

/** A tar being written: owner 0:0, one time and one mode for all files. Methods may be called concurrently. */
export interface TarWriter {
  /** Resolves when the file is in the archive. Of several files with one name only the first is kept. */
  addFile(file: NewTarFile, options?: OperationOptions): Promise<void>
  addBytes(name: string, bytes: Uint8Array, options?: OperationOptions): Promise<void>
  addSymlink(name: string, target: string, options?: OperationOptions): Promise<void>
  /** Ends the archive, after everything was added. The file or pipe stays the caller's to sync and close. */
  finish(options?: OperationOptions): Promise<void>
}

/** Two blocks of zeros. */
export const tarEndBytes = 1024

/** How many bytes of a body have gone by, its padding not counted. */
export interface ByteCount {
  bytes: number
}

/** `body` and the padding after it. Throws SIZE_MISMATCH when it has not the size it should have, before a byte more. */
export async function* withTarPadding(
  body: AsyncIterable<Uint8Array>,
  size: number | undefined,
  count: ByteCount = { bytes: 0 },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count.bytes += chunk.length
    if (size !== undefined && count.bytes > size) break
    yield chunk
  }
  if (size !== undefined && count.bytes !== size) throw sizeMismatch(size, count.bytes)
  const padding = tarPaddingBytes(count.bytes)
  if (padding > 0) yield Buffer.alloc(padding)
}

/** A body of one chunk. */
export async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

export function sizeMismatch(expected: number, got: number): TransloadError {
  return new TransloadError('SIZE_MISMATCH', `Size mismatch when writing a tar entry, expected ${expected}, got ${got}`)
}
