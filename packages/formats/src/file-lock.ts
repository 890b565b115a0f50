import { link, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'

import { temporaryName } from './temporary-name.ts'

export interface LockOptions extends OperationOptions {
  /** How long to wait for another holder, in milliseconds. Default one minute: holding it should take milliseconds. */
  readonly timeoutMs?: number
}

/**
 * Waits until no other process, and nobody else in this one, holds the lock named `file`; dispose to release it. The
 * file is empty and there only while somebody holds or wants it. Nothing else may open it: POSIX takes a lock away
 * from a process that closes the file anywhere.
 *
 * It must be a lock of the kernel, which a killed process loses at once: a lock file with its owner's name in it can
 * only be guessed to be stale, and a process id means nothing to another container on the same volume. SQLite's
 * is the one such lock Node has (`fcntl` record locks; its equivalent on Windows).
 *
 * Throws UNAVAILABLE (retryable) after the timeout, IO when the file cannot be made. A file system without locks cannot
 * be guarded: there the lock holds only nominally, as with all other tools, which lock nothing.
 */
export async function lockFile(
  file: string,
  { timeoutMs = 60_000, signal }: LockOptions = {},
): Promise<AsyncDisposable> {
  const giveUpAt = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    await using undo = new AsyncDisposableStack()
    const pin = await pinFile(file)
    if (pin === undefined) continue
    undo.defer(() => (pin === file ? undefined : rm(pin, { force: true })))
    const database = await openDatabase(pin)
    undo.defer(() => database.close())
    await waitForLock(database, file, giveUpAt, signal)
    // Its last holder has removed the file meanwhile: somebody may hold a new one of that name.
    if (!(await isSameFile(pin, file))) continue
    // Before the lock goes, so that nobody loses a file it holds. Windows does not remove it: then it stays.
    if (pin !== file) undo.defer(() => rm(file, { force: true }).catch(() => {}))
    return undo.move()
  }
}

/**
 * A second name of `file`, which is made if missing: to know which file is locked even when that loses its first name.
 * Undefined when somebody else was at it; `file` itself where files have only one name.
 */
async function pinFile(file: string): Promise<string | undefined> {
  const pin = join(dirname(file), temporaryName())
  try {
    await link(file, pin)
    return pin
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') return file
  }
  try {
    await writeFile(pin, '', { flag: 'wx' })
  } catch (cause) {
    throw cannotLock(file, cause)
  }
  try {
    await link(pin, file)
    return pin
  } catch (error) {
    await rm(pin, { force: true })
    return systemErrorCode(error) === 'EEXIST' ? undefined : file
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all(
    [one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)),
  )
  return first !== undefined && first.ino === second?.ino
}

async function openDatabase(file: string): Promise<DatabaseSync> {
  const sqlite = await import('node:sqlite')
  try {
    return new sqlite.DatabaseSync(file, { timeout: 0 })
  } catch (cause) {
    throw cannotLock(file, cause)
  }
}

async function waitForLock(
  database: DatabaseSync,
  file: string,
  giveUpAt: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let delayMs = 1; !tryLock(database, file); delayMs = Math.min(delayMs * 2, 50)) {
    if (performance.now() > giveUpAt) {
      throw new TransloadError('UNAVAILABLE', `${file} is held by another process`, {
        retryable: true,
        hint: 'Another program is changing this image layout and does not finish. Find it (fuser, lsof) and end it.',
      })
    }
    await sleep(delayMs * (0.5 + Math.random() / 2), undefined, { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error
    })
  }
}

/** SQLite's primary result codes. */
const busy = 5
const ioError = 10
const protocolError = 15

/** A file system that has no locks counts as locked; any other failure is thrown. */
function tryLock(database: DatabaseSync, file: string): boolean {
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
    return true
  } catch (error) {
    const code = ((error as { errcode?: number }).errcode ?? 0) % 256
    if (code === busy) return false
    if (code === ioError || code === protocolError) return true
    throw cannotLock(file, error)
  }
}

function cannotLock(file: string, cause: unknown): TransloadError {
  const problem = cause instanceof Error ? cause.message : String(cause)
  return new TransloadError('IO', `open ${file}: cannot be locked: ${problem}`, {
    cause,
    hint: 'Everybody who writes to this image layout needs write permission to its directory.',
  })
}
