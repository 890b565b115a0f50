import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { systemErrorCode, TransloadError } from '@transload/contract'
import { lockFile } from '@transload/formats'

/**
 * Where a registry keeps uploads: a directory of its own in the layout, so that a finished one only has to be renamed. A lock says that its owner lives: what a killed process left is removed by the next one that starts.
 * Nothing is made before `open`. Disposing removes it.
 */
export class WorkDirectory implements AsyncDisposable {
  readonly path: string
  readonly #parent: string
  readonly #cleaned: Promise<void>
  #opened: Promise<AsyncDisposable> | undefined

  constructor(layoutDirectory: string) {
    this.#parent = join(layoutDirectory, 'transload-uploads')
    this.path = join(this.#parent, randomUUID())
    this.#cleaned = removeAbandoned(this.#parent)
    this.#cleaned.catch(() => {})
  }

  /** Makes it, once. */
  async open(): Promise<void> {
    await (this.#opened ??= this.#open())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleaned.catch(() => {})
    const lock = await this.#opened?.catch(() => undefined)
    if (!lock) return
    this.#opened = undefined
    await rm(this.path, { recursive: true, force: true })
    await lock[Symbol.asyncDispose]()
    await rm(lockPath(this.path), { force: true })
  }

  /** The lock is held before the directory is there, so a directory without one is abandoned. */
  async #open(): Promise<AsyncDisposable> {
    await this.#cleaned
    await mkdir(this.#parent, { recursive: true })
    const lock = await lockFile(lockPath(this.path))
    await mkdir(this.path)
    return lock
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true }).catch(ignoreMissing)) {
    if (!entry.isDirectory()) continue
    const path = join(parent, entry.name)
    try {
      await using _lock = await lockFile(lockPath(path), { timeoutMs: 0 })
      await rm(path, { recursive: true, force: true })
    } catch (error) {
      if (TransloadError.is(error, 'UNAVAILABLE')) continue
      throw error
    }
    await rm(lockPath(path), { force: true })
  }
}

function ignoreMissing(error: unknown): never[] {
  if (systemErrorCode(error) === 'ENOENT') return []
  throw error
}

function lockPath(path: string): string {
  return `${path}.lock`
}
