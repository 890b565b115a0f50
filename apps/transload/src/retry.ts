import { setTimeout as delay } from 'node:timers/promises'

import { systemErrorCode, TransloadError, type HttpError } from '@transload/contract'

import { causes } from './exit-code.ts'
import type { CommandLog } from './log.ts'
import type { RetryValues } from './options/retry-options.ts'

export interface RetryContext {
  readonly log: CommandLog
  readonly signal: AbortSignal
  /** How to wait; tests put a clock of their own here. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

/**
 * Runs `attempt`, and again up to `--retry-times` times when its failure may pass, with a warning before each pause.
 * An abort ends the pause; the error then thrown is that of the last attempt.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { retryTimes = 0, retryDelay = 0 }: RetryValues,
  { log, signal, wait = waitMs }: RetryContext,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (tried >= retryTimes || signal.aborted || !mayPass(error)) throw error
      const pauseMs = retryDelay > 0 ? retryDelay : 1000 * 2 ** tried
      const message = error instanceof Error ? error.message : String(error)
      log('warn', `Failed, retrying in ${goDuration(pauseMs)} ... (${tried + 1}/${retryTimes}). Error: ${message}`)
      try {
        await wait(pauseMs * (1 + Math.random() / 10), signal)
      } catch {
        throw error
      }
    }
  }
}

const lasting = ['UNAUTHORIZED', 'DENIED', 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN']
const passing = [
  'ECONNREFUSED',
  'EINTR',
  'EAGAIN',
  'EBUSY',
  'ENETDOWN',
  'ENETUNREACH',
  'ENETRESET',
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ERESTART',
]

/** cli.md §12: what skopeo tries again. */
export function mayPass(error: unknown): boolean {
  return causes(error).some((cause) => {
    const errno = systemErrorCode(cause)
    if (errno !== undefined) return passing.includes(errno)
    if (!TransloadError.is(cause)) return false
    const { status, serverCodes } = cause as Partial<HttpError>
    if (serverCodes && serverCodes.length > 0) return serverCodes.every((code) => !lasting.includes(code))
    if (status !== undefined) return status >= 502 && status <= 504
    return cause.code === 'NETWORK' && cause.retryable
  })
}

/** As Go prints a duration: `1s`, `1m0s`, `1.5s`, `250ms`. */
export function goDuration(ms: number): string {
  if (ms < 1) return ms === 0 ? '0s' : `${Number((ms * 1000).toFixed(3))}µs`
  if (ms < 1000) return `${Number(ms.toFixed(6))}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  const seconds = Number(((ms % 60_000) / 1000).toFixed(9))
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

async function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal })
}
