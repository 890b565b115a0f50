import type { ProgressSink, TransferEvent } from './progress.ts'

/**
 * The events of a copy as an iterable: `for await (const event of eventStream((progress, signal) => copyImage(a, b,
 * { progress, signal })))`. `run` starts with the iteration. A reader slower than the copy misses `moving` events that
 * newer ones of the same blob made stale, and nothing else. Throws what `run` throws, after the events before it.
 * Leaving the loop early aborts `signal` and waits for `run` to end.
 */
export async function* eventStream(
  run: (progress: ProgressSink, signal: AbortSignal) => Promise<unknown>,
): AsyncGenerator<TransferEvent> {
  const left = new AbortController()
  let pending: TransferEvent[] = []
  let wake = Promise.withResolvers<void>()
  let ended = false
  const progress: ProgressSink = (event) => {
    if (event.type === 'blob' && event.state === 'moving') {
      pending = pending.filter(
        (other) => !(other.type === 'blob' && other.state === 'moving' && other.blob.digest === event.blob.digest),
      )
    }
    pending.push(event)
    wake.resolve()
  }
  const running = run(progress, left.signal).finally(() => {
    ended = true
    wake.resolve()
  })
  try {
    for (;;) {
      if (pending.length === 0 && ended) break
      await wake.promise
      wake = Promise.withResolvers()
      const batch = pending
      pending = []
      yield* batch
      if (ended) wake.resolve()
    }
    await running
  } finally {
    left.abort()
    await running.catch(() => undefined)
  }
}
