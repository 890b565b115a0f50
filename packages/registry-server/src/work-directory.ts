import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { lockFile } from '@transload/formats'

/** How often another registry may take our new directory for an abandoned one, in the moment before it is locked. */
const maxAttempts = 5

/**
 * Where a registry keeps uploads: a directory of its own in the layout, so that a finished one only has to be renamed.
 * A lock in it says that its owner lives. Nothing is made before `open`. Disposing removes it.
 */
export class WorkDirectory implements AsyncDisposable {
  readonly #parent: string
  #opened: Promise<LockedDirectory> | undefined

  constructor(layoutDirectory: string) {
    this.#parent = join(layoutDirectory, 'transload-uploads')
  }

  /** Its path; made by the first call that succeeds. */
  async open(): Promise<string> {
    const opening = (this.#opened ??= makeLocked(this.#parent))
    try {
      return (await opening).path
    } catch (error) {
      if (this.#opened === opening) this.#opened = undefined
      throw error
    }
  }

  /** Removes what registries left that were killed. Never throws: the next one to start can try again. */
  async removeAbandoned(): Promise<void> {
    const names = await readdir(this.#parent).catch(() => [])
    for (const name of names) await removeUnlocked(join(this.#parent, name)).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    this.#opened = undefined
    if (!opened) return
    await rm(opened.path, { recursive: true, force: true })
    await opened.lock[Symbol.asyncDispose]()
  }
}

interface LockedDirectory {
  readonly path: string
  readonly lock: AsyncDisposable
}

async function makeLocked(parent: string): Promise<LockedDirectory> {
  for (let attempt = 1; ; attempt++) {
    const path = join(parent, randomUUID())
    await mkdir(path, { recursive: true })
    try {
      return { path, lock: await lockFile(lockIn(path)) }
    } catch (error) {
      if (attempt === maxAttempts) throw error
    }
  }
}

/** Throws UNAVAILABLE when its owner lives. */
async function removeUnlocked(path: string): Promise<void> {
  await using _lock = await lockFile(lockIn(path), { timeoutMs: 0 })
  await rm(path, { recursive: true, force: true })
}

function lockIn(path: string): string {
  return join(path, 'lock')
}
