import { randomBytes } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { errorMessage, systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'

import { writeStream } from './write-stream.ts'

export interface SpoolOptions extends OperationOptions {
  /** For big temporary files. */
  readonly tempDirectory: string
  /** Throws SIZE_LIMIT naming `subject` past this many bytes. Default: no limit. */
  readonly maxBytes?: number | undefined
  readonly subject?: string
}

/** Bytes put aside on disk; disposing it removes them. */
export interface SpoolFile extends AsyncDisposable {
  readonly handle: FileHandle
  readonly size: number
}

/**
 * Writes `body` to a temporary file `container_images_…`. Where the system allows it the file loses its name at once,
 * so not even a crash leaves it behind. Throws IO where there is no room for it, and what `body` throws.
 */
export async function spool(body: AsyncIterable<Uint8Array>, options: SpoolOptions): Promise<SpoolFile> {
  const { tempDirectory, signal, maxBytes = Number.POSITIVE_INFINITY, subject = 'content' } = options
  const path = join(tempDirectory, `container_images_${randomBytes(9).toString('base64url')}`)
  await using undo = new AsyncDisposableStack()
  const handle = await open(path, 'wx+', 0o600)
  // Windows refuses to remove an open file, so it is tried again after closing.
  undo.defer(() => rm(path, { force: true }))
  undo.defer(() => handle.close())
  await rm(path, { force: true }).catch(() => {})
  const size = await writeStream(handle, limit(body, maxBytes, subject), { signal }).catch((error: unknown) => {
    throw isFull(error) ? outOfSpace(path, error) : error
  })
  const held = undo.move()
  return { handle, size, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

async function* limit(body: AsyncIterable<Uint8Array>, maxBytes: number, subject: string): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) {
      throw new TransloadError('SIZE_LIMIT', `${subject}: exceeded maximum allowed size of ${maxBytes} bytes`)
    }
    yield chunk
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error) ?? '')
}

function outOfSpace(path: string, cause: unknown): TransloadError {
  return new TransloadError('IO', `write ${path}: ${errorMessage(cause)}`, {
    cause,
    hint: 'Temporary files need more room there; --tmpdir names another directory for them.',
  })
}
