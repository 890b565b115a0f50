import { setTimeout as sleep } from 'node:timers/promises'

import { TransloadError, type HttpError, type Log, type OperationOptions } from '@transload/contract'

import { isBrokenConnection } from './http/connection-error.ts'
import type { HttpResponse } from './http/http-client.ts'
import type { RetryOptions } from './options.ts'

export interface RetryRules {
  readonly attempts: number
  readonly unavailableAttempts: number
  readonly maxDelayMs: number
  readonly delay: (ms: number, options: OperationOptions) => Promise<void>
}

export function resolveRetryRules({ attempts, unavailableAttempts, maxDelayMs, delay }: RetryOptions = {}): RetryRules {
  return {
    attempts: Math.max(1, attempts ?? 5),
    unavailableAttempts: Math.max(1, unavailableAttempts ?? brokenAttempts),
    maxDelayMs: maxDelayMs ?? 60_000,
    delay:
      delay ??
      (async (ms, { signal }) => {
        await sleep(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
      }),
  }
}

/** One request that may be sent again. */
export interface Attempts<T extends HttpResponse> {
  /** `GET https://…`, for the log. */
  readonly what: string
  readonly send: () => Promise<T>
  /** Can the request be sent once more as it was? */
  readonly isRepeatable: boolean
  /** The server may speak another protocol: a broken connection is its way to say so. */
  readonly isGuess?: boolean
  readonly log: Log
  readonly signal?: AbortSignal | undefined
}

/** A busy server gets fewer and shorter tries than one that asked us to wait. */
const brokenAttempts = 3

/**
 * Sends until there is an answer other than 429, 502, 503 and 504, waiting as long as `Retry-After` says or 2 s, 4 s, …
 * (1 s, 2 s for 5xx). A connection that broke before the answer is tried again at once, then after a wait.
 * After the last try the answer, or the error, is handed back as it is.
 */
export async function sendWithRetries<T extends HttpResponse>(request: Attempts<T>, rules: RetryRules): Promise<T> {
  let pauseMs: number | undefined
  for (let attempt = 1; ; attempt++) {
    request.signal?.throwIfAborted()
    const outcome = await request.send().catch((error: unknown) => {
      if (request.isGuess || !isBrokenConnection(error)) throw error
      return error
    })
    const failure = failureOf(outcome, rules)
    if (!failure || attempt >= Math.min(rules.attempts, failure.attempts) || !request.isRepeatable) {
      if (TransloadError.is(outcome)) throw outcome
      return outcome
    }
    const startMs = pauseMs ?? failure.firstDelayMs(attempt)
    const waitMs = Math.min(rules.maxDelayMs, failure.retryAfterMs ?? startMs)
    pauseMs = failure.isAnswer ? waitMs * 2 : undefined
    if (!TransloadError.is(outcome)) await outcome.discard()
    // Whoever waits wants to know what for; a connection that was closed while it was idle is nobody's business.
    request.log(waitMs > 0 ? 'warn' : 'debug', `${request.what}: ${failure.problem}, trying again in ${waitMs} ms`)
    if (waitMs > 0) await rules.delay(waitMs, { signal: request.signal })
  }
}

/** How long to wait before something that was refused `failures` times is tried again; undefined: too often. */
export function pauseBeforeRetry(
  { status, retryAfterMs }: Pick<HttpError, 'status' | 'retryAfterMs'>,
  failures: number,
  rules: RetryRules,
): number | undefined {
  const attempts = status === 429 ? rules.attempts : Math.min(rules.attempts, brokenAttempts)
  if (failures >= attempts) return undefined
  const ownMs = (status === 429 ? 2000 : 1000) * 2 ** (failures - 1)
  return Math.min(rules.maxDelayMs, retryAfterMs ?? ownMs)
}

interface Failure {
  readonly problem: string
  readonly isAnswer: boolean
  readonly attempts: number
  readonly retryAfterMs?: number | undefined
  readonly firstDelayMs: (attempt: number) => number
}

function failureOf(outcome: HttpResponse | TransloadError, { unavailableAttempts }: RetryRules): Failure | undefined {
  if (TransloadError.is(outcome)) {
    return {
      problem: outcome.message,
      isAnswer: false,
      attempts: brokenAttempts,
      firstDelayMs: (attempt) => (attempt - 1) * 1000,
    }
  }
  const { status } = outcome
  if (![429, 502, 503, 504].includes(status)) return undefined
  return {
    problem: `status ${status}`,
    isAnswer: true,
    attempts: status === 429 ? Number.POSITIVE_INFINITY : unavailableAttempts,
    retryAfterMs: parseRetryAfter(outcome.headers.get('retry-after'), Date.now()),
    firstDelayMs: () => (status === 429 ? 2000 : 1000),
  }
}

/** Seconds or an HTTP date, as milliseconds from `now`; undefined for anything else. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000
  const date = /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
