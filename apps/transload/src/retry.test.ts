import { HttpError, TransloadError } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { goDuration, withRetries } from './retry.ts'

interface Tried {
  readonly warnings: string[]
  readonly pausesMs: number[]
  readonly attempts: number
  readonly result: unknown
}

async function tryFailing(
  failures: readonly unknown[],
  values: { retryTimes: number | undefined; retryDelay: number | undefined },
  controller = new AbortController(),
): Promise<Tried> {
  const warnings: string[] = []
  const pausesMs: number[] = []
  let attempts = 0
  const attempt = async (): Promise<string> => {
    const failure = failures[attempts++]
    if (failure !== undefined) throw failure
    return 'done'
  }
  const result = await withRetries(attempt, values, {
    log: (_level, message) => warnings.push(message),
    signal: controller.signal,
    wait: async (ms, signal) => {
      pausesMs.push(ms)
      signal.throwIfAborted()
    },
  }).catch((error: unknown) => error)
  return { warnings, pausesMs, attempts, result }
}

const unavailable = new HttpError('UNAVAILABLE', '503 Service Unavailable', { status: 503 })

describe('withRetries', () => {
  it('OBS-09: tries again with pauses that double, and says so', async () => {
    const tried = await tryFailing([unavailable, unavailable], { retryTimes: 3, retryDelay: undefined })
    expect(tried.result).toBe('done')
    expect(tried.warnings).toEqual([
      'Failed, retrying in 1s ... (1/3). Error: 503 Service Unavailable',
      'Failed, retrying in 2s ... (2/3). Error: 503 Service Unavailable',
    ])
    expect(tried.pausesMs[0]).toBeGreaterThanOrEqual(1000)
    expect(tried.pausesMs[0]).toBeLessThanOrEqual(1100)
    expect(tried.pausesMs[1]).toBeGreaterThanOrEqual(2000)
  })

  it('keeps to a delay that is given', async () => {
    const tried = await tryFailing([unavailable, unavailable], { retryTimes: 2, retryDelay: 250 })
    expect(tried.warnings[1]).toContain('retrying in 250ms ... (2/2)')
  })

  it('gives up after the last try', async () => {
    const tried = await tryFailing([unavailable, unavailable, unavailable], { retryTimes: 1, retryDelay: 1 })
    expect(tried).toMatchObject({ attempts: 2, result: unavailable })
  })

  it('reports the real error when the pause is cut short', async () => {
    const controller = new AbortController()
    const failures = [
      Object.defineProperty(new HttpError('UNAVAILABLE', 'x', { status: 502 }), 'message', {
        get: () => {
          controller.abort()
          return 'x'
        },
      }),
    ]
    const tried = await tryFailing(failures, { retryTimes: 5, retryDelay: undefined }, controller)
    expect(tried).toMatchObject({ attempts: 1, result: failures[0] })
  })

  it.each<[string, unknown, boolean]>([
    ['502', new HttpError('UNAVAILABLE', 'x', { status: 502 }), true],
    ['500', new HttpError('UNAVAILABLE', 'x', { status: 500 }), false],
    ['TOOMANYREQUESTS', new HttpError('RATE_LIMITED', 'x', { status: 429, serverCodes: ['TOOMANYREQUESTS'] }), true],
    ['DENIED', new HttpError('DENIED', 'x', { status: 403, serverCodes: ['DENIED'] }), false],
    [
      'MANIFEST_UNKNOWN',
      new HttpError('MANIFEST_UNKNOWN', 'x', { status: 404, serverCodes: ['MANIFEST_UNKNOWN'] }),
      false,
    ],
    ['ECONNREFUSED', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), true],
    ['ENOENT', Object.assign(new Error('x'), { code: 'ENOENT' }), false],
    ['a refused connection', new TransloadError('NETWORK', 'x', { retryable: true }), true],
    ['an unknown host', new TransloadError('NETWORK', 'x'), false],
    ['a wrong certificate', new TransloadError('TLS', 'x'), false],
    ['a wrong digest', new TransloadError('DIGEST_MISMATCH', 'x', { retryable: true }), false],
  ])('after %s', async (_, failure, isRetried) => {
    const tried = await tryFailing([failure], { retryTimes: 1, retryDelay: 1 })
    expect(tried.attempts).toBe(isRetried ? 2 : 1)
  })
})

it.each([
  [0, '0s'],
  [250, '250ms'],
  [1500, '1.5s'],
  [60_000, '1m0s'],
  [3_661_000, '1h1m1s'],
  [0.5, '500µs'],
])('goDuration(%d) is %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text)
})
