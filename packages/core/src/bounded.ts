import type { OperationOptions } from '@transload/contract'

/** Runs at most so many tasks at once, in the order they come. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>

export function createLimiter(limit: number): Limiter {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      // The next one takes over this one's place, so that nobody slips in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/**
 * Runs `task` for all items at once. The first failure aborts the signal the tasks are given and is the one thrown,
 * after all of them have ended. Results are in the order of the items.
 */
export async function runAll<I, O>(
  items: readonly I[],
  { signal: outer }: OperationOptions,
  task: (item: I, options: OperationOptions & { readonly signal: AbortSignal }) => Promise<O>,
): Promise<O[]> {
  const failed = new AbortController()
  const signal = outer ? AbortSignal.any([outer, failed.signal]) : failed.signal
  let failure: { readonly error: unknown } | undefined
  const results = await Promise.all(
    items.map(async (item) => {
      try {
        return [await task(item, { signal })]
      } catch (error) {
        failure ??= { error }
        failed.abort(error)
        return []
      }
    }),
  )
  if (failure) throw failure.error
  return results.flat(1) as O[]
}
