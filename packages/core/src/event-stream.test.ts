import { digestOf } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { eventStream } from './event-stream.ts'
import type { TransferEvent } from './progress.ts'

const digest = digestOf(Buffer.from('blob'))
const done: TransferEvent = { type: 'done', digest }

function moving(name: string, bytes: number): TransferEvent {
  const blob = { mediaType: 'text/plain', digest: digestOf(Buffer.from(name)), size: 10 }
  return { type: 'blob', state: 'moving', role: 'layer', blob, bytes }
}

describe('eventStream', () => {
  it('gives every event in order, but for stale progress', async () => {
    const events: TransferEvent[] = []
    const stream = eventStream(async (progress) => {
      progress(moving('a', 1))
      progress(moving('b', 1))
      progress(moving('a', 2))
      await Promise.resolve()
      progress(done)
    })
    for await (const event of stream) events.push(event)
    expect(events).toEqual([moving('b', 1), moving('a', 2), done])
  })

  it('gives what came later', async () => {
    const stream = eventStream(async (progress) => {
      progress(moving('a', 1))
      await taken.promise
      progress(done)
    })
    const taken = Promise.withResolvers<void>()
    expect((await stream.next()).value).toEqual(moving('a', 1))
    taken.resolve()
    expect((await stream.next()).value).toEqual(done)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('throws what the copy throws, after its events', async () => {
    const stream = eventStream(async (progress) => {
      progress(done)
      throw new Error('no')
    })
    expect((await stream.next()).value).toEqual(done)
    await expect(stream.next()).rejects.toThrow('no')
  })

  it('stops the copy when nobody reads on', async () => {
    let ended = false
    const stream = eventStream(async (progress, signal) => {
      progress(done)
      const aborted = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => aborted.resolve())
      await aborted.promise
      ended = true
      throw signal.reason
    })
    for await (const event of stream) {
      expect(event).toEqual(done)
      break
    }
    expect(ended).toBe(true)
  })
})
