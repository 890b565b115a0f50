import type { OperationOptions } from '@transload/contract'

interface Flight<T> {
  readonly result: Promise<T>
  readonly controller: AbortController
  waiters: number
  settled: boolean
}

/**
 * One piece of work that many may wait for. Each waiter can give up with its own signal; the work is aborted when
 * none is left. A failure is reported to those who wait and not remembered.
 */
export class SharedFlight<T> {
  readonly #work: (options: { readonly signal: AbortSignal }) => Promise<T>
  #current: Flight<T> | undefined

  constructor(work: (options: { readonly signal: AbortSignal }) => Promise<T>) {
    this.#work = work
  }

  /** Joins the work under way, or starts it. After success every call gets that result, until `forget`. */
  async wait({ signal }: OperationOptions = {}): Promise<T> {
    signal?.throwIfAborted()
    const flight = (this.#current ??= this.#start())
    flight.waiters++
    try {
      return await untilAborted(flight.result, signal)
    } finally {
      flight.waiters--
      if (flight.waiters === 0 && !flight.settled) {
        this.#forget(flight)
        flight.controller.abort()
      }
    }
  }

  /** The next `wait` starts anew. */
  forget(): void {
    this.#current = undefined
  }

  #start(): Flight<T> {
    const controller = new AbortController()
    const flight: Flight<T> = { result: this.#work(controller), controller, waiters: 0, settled: false }
    void this.#watch(flight)
    return flight
  }

  async #watch(flight: Flight<T>): Promise<void> {
    try {
      await flight.result
    } catch {
      this.#forget(flight)
    }
    flight.settled = true
  }

  #forget(flight: Flight<T>): void {
    if (this.#current === flight) this.#current = undefined
  }
}

/** `result`, or `signal.reason` as soon as it aborts. */
export async function untilAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await result
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([result, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
