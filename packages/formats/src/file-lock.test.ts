import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { lockFile } from './file-lock.ts'

let root: string
let file: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
  file = join(root, 'lock')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

describe('lockFile', () => {
  it('lets one in after the other, and leaves nothing', async () => {
    let holders = 0
    let most = 0
    const enter = async (): Promise<void> => {
      await using _lock = await lockFile(file)
      holders += 1
      most = Math.max(most, holders)
      await setImmediate()
      holders -= 1
    }
    await Promise.all(Array.from({ length: 8 }, enter))
    expect(most).toBe(1)
    expect(await readdir(root)).toEqual([])
  })

  it('gives up after a time, which is worth another try', async () => {
    await using _lock = await lockFile(file)
    await expect(lockFile(file, { timeoutMs: 0 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `${file} is held by another process`,
      retryable: true,
    })
  })

  it('stops waiting when aborted, with the reason', async () => {
    await using _lock = await lockFile(file)
    const controller = new AbortController()
    const waiting = lockFile(file, controller)
    const reason = new Error('stop')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(lockFile(file, controller)).rejects.toBe(reason)
  })

  it('says so when it cannot be made', async () => {
    await expect(lockFile(join(root, 'absent/lock'))).rejects.toMatchObject({ code: 'IO' })
    await writeFile(file, 'not a lock but a text that was here before '.repeat(100))
    await expect(lockFile(file)).rejects.toMatchObject({ code: 'IO' })
  })
})
