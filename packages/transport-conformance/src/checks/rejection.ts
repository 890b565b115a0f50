import assert from 'node:assert/strict'

import { SkippedCheck } from '../check.ts'

/** What `promise` rejects with. Fails when it fulfils, or does neither within ten seconds: `what` says what it is. */
export async function rejection(promise: Promise<unknown>, what: string): Promise<unknown> {
  return await promptly(
    promise.then(
      () => assert.fail(`${what} must reject`),
      (error: unknown) => {
        if (error instanceof SkippedCheck || error instanceof assert.AssertionError) throw error
        return error
      },
    ),
    what,
  )
}

/** `promise`, or a failure when it has not settled within ten seconds. */
export async function promptly<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what} did not settle within 10 s`)), 10_000)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
