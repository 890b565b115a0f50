import { describe, expect, it } from 'vitest'

import { createLimiter, runAll } from './bounded.ts'

describe('createLimiter', () => {
  it('runs tasks in the order they came, never more than the limit', async () => {
    const limit = createLimiter(3)
    const order: number[] = []
    let running = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        limit(async () => {
          order.push(index)
          most = Math.max(most, ++running)
          await Promise.resolve()
          await Promise.resolve()
          running--
        }),
      ),
    )
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index))
    expect(most).toBe(3)
  })

  it('goes on after a task that failed', async () => {
    const limit = createLimiter(1)
    const failing = limit(() => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await limit(() => Promise.resolve('yes'))).toBe('yes')
  })
})

describe('runAll', () => {
  it('gives the results in the order of the items', async () => {
    const results = await runAll([3, 1, 2], {}, async (item) => {
      for (let turn = 0; turn < item; turn++) await Promise.resolve()
      return item * 10
    })
    expect(results).toEqual([30, 10, 20])
  })

  it('throws the first failure after everything has ended, and aborts the rest', async () => {
    const ended: string[] = []
    const running = runAll(['slow', 'first', 'second'], {}, async (item, { signal }) => {
      if (item === 'first') throw new Error('the first failure')
      const aborted = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => aborted.resolve())
      await aborted.promise
      ended.push(item)
      throw signal.reason
    })
    await expect(running).rejects.toThrow('the first failure')
    expect(ended).toEqual(['slow', 'second'])
  })

  it('passes an outer abort on', async () => {
    const outer = new AbortController()
    const running = runAll([1], { signal: outer.signal }, async (_, { signal }) => {
      outer.abort(new Error('enough'))
      signal.throwIfAborted()
    })
    await expect(running).rejects.toThrow('enough')
  })
})
