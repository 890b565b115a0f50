import { collect, digestOf } from '@transload/contract'
import { afterEach, expect, it, vi } from 'vitest'

import { meter } from './meter.ts'
import type { TransferEvent } from './progress.ts'

afterEach(() => vi.restoreAllMocks())

it('reports the bytes so far, once in 100 ms at most', async () => {
  let nowMs = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  const blob = { mediaType: 'text/plain', digest: digestOf(Buffer.from('blob')), size: 40 }
  const events: TransferEvent[] = []
  const stage = meter((event) => events.push(event), { role: 'layer', blob, encoding: 'as-is', edit: 'none' })
  const input = (async function* () {
    for (const waitMs of [40, 40, 40, 250]) {
      nowMs += waitMs
      yield Buffer.alloc(10)
    }
  })()
  expect(await collect(stage(input))).toHaveLength(40)
  expect(events).toEqual([30, 40].map((bytes) => ({ type: 'blob', state: 'moving', role: 'layer', blob, bytes })))
})
