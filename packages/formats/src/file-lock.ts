import { setTimeout as sleep } from 'node:timers/promises'

import { TransloadError, type OperationOptions } from '@transload/contract'

export interface LockOptions extends OperationOptions {
  /** How long to wait for another holder, in milliseconds. Default one minute: holding it takes milliseconds. */
  readonly timeoutMs?: number
}

/**
 * Waits until no other process, and nobody else in this one, holds the lock of `file`; dispose to release it.
 * The file is made when missing, stays empty, and stays: removing a lock file lets two waiters lock different files.
 *
 * It must be a lock of the kernel, which a killed process loses at once: a lock file with its owner's name in it can
 * only be guessed to be stale, and a process id means nothing to another container on the same volume. SQLite's
 * is the one such lock Node has (`fcntl` record locks; its equivalent on Windows).
 *
 * Throws UNAVAILABLE (retryable) after the timeout. A file system without locks cannot be guarded: there the lock
 * holds only nominally, as with all other tools, which lock nothing.
 */
export async function lockFile(
  file: string,
  { timeoutMs = 60_000, signal }: LockOptions = {},
): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  const { DatabaseSync } = await import('node:sqlite')
  let database: InstanceType<typeof DatabaseSync> | undefined
  try {
    database = new DatabaseSync(file, { timeout: 0 })
    const giveUpAt = performance.now() + timeoutMs
    for (let delayMs = 1; !isLocked(database); delayMs = Math.min(delayMs * 2, 50)) {
      if (performance.now() > giveUpAt) {
        throw new TransloadError('UNAVAILABLE', `${file} is held by another process`, {
          retryable: true,
          hint: 'Another program is changing this image layout and does not finish. Find it (fuser, lsof) and end it.',
        })
      }
      await sleep(delayMs * (0.5 + Math.random() / 2), undefined, { signal })
    }
  } catch (error) {
    database?.close()
    if (signal?.aborted) throw signal.reason
    if (TransloadError.is(error)) throw error
    throw new TransloadError('IO', `open ${file}: cannot be locked: ${(error as Error).message}`, {
      cause: error,
      hint: 'Everybody who writes to this image layout needs write permission to the directory and to this file.',
    })
  }
  return { [Symbol.asyncDispose]: async () => database.close() }
}

/** SQLite's primary result codes. */
const busy = 5
const ioError = 10
const protocolError = 15

/** Tries once. A file system that has no locks counts as locked; any other failure is thrown. */
function isLocked(database: { exec(sql: string): void }): boolean {
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
    return true
  } catch (error) {
    const code = ((error as { errcode?: number }).errcode ?? 0) % 256
    if (code === busy) return false
    if (code === ioError || code === protocolError) return true
    throw error
  }
}
