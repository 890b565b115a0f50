import { expect, it } from 'vitest'

import { inOrder } from './in-order.ts'

it('gives results in order, whatever ends first', async () => {
  const waits: (() => void)[] = []
  const work = (item: number): Promise<number> => new Promise((resolve) => waits.push(() => resolve(item)))
  const results = Array.fromAsync(inOrder([1, 2, 3], 3, work))
  await Promise.resolve()
  for (const end of waits.toReversed()) end()
  expect(await results).toEqual([1, 2, 3])
})

it('works on no more at once than it may', async () => {
  let running = 0
  let most = 0
  const work = async (item: number): Promise<number> => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
    return item
  }
  expect(await Array.fromAsync(inOrder(Array(20).keys(), 4, work))).toHaveLength(20)
  expect(most).toBeLessThanOrEqual(4)
})

it('throws when it comes to what failed', async () => {
  const seen: number[] = []
  const results = inOrder([1, 2, 3], 3, (item) =>
    item === 2 ? Promise.reject(new Error('two')) : Promise.resolve(item),
  )
  const all = (async () => {
    for await (const item of results) seen.push(item)
  })()
  await expect(all).rejects.toThrow('two')
  expect(seen).toEqual([1])
})
