import { TransloadError } from '@transload/contract'
import { expect, test } from 'vitest'

import type { HttpResponse } from './http/http-client.ts'
import { parseRetryAfter, resolveRetryRules, sendWithRetries } from './retry.ts'

const now = Date.parse('2026-01-01T00:00:00Z')

test.each([
  [undefined, undefined],
  ['0', 0],
  [' 7 ', 7000],
  ['1.5', undefined],
  ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
  ['soon', undefined],
])('Retry-After: %j', (value, ms) => {
  expect(parseRetryAfter(value, now)).toBe(ms)
})

test.each<[string, (number | 'reset' | 'refused')[], number[], number | 'error', string?]>([
  ['what is good is not sent again', [200], [], 200],
  ['nor is what is bad for good', [500, 200], [], 500],
  [
    'OBS-11: 429 is tried five times, waiting twice as long each time',
    [429, 429, 429, 429, 429, 200],
    [2000, 4000, 8000, 16_000],
    429,
  ],
  ['as long as the server says, and then twice that', [429, 429, 200], [7000, 7000], 200, '7'],
  ['but never longer than a minute', [429, 200], [60_000], 200, '3600'],
  ['502, 503 and 504 are tried three times', [502, 503, 504, 200], [1000, 2000], 504],
  ['a broken connection is replaced at once, then after a second', ['reset', 'reset', 200], [1000], 200],
  ['a third break is the error', ['reset', 'reset', 'reset', 200], [1000], 'error'],
  ['one that cannot be made is the error', ['refused', 200], [], 'error'],
])('%s', async (_, outcomes, waits, end, retryAfter) => {
  const waited: number[] = []
  const rules = resolveRetryRules({ delay: async (ms) => void waited.push(ms) })
  const rest = [...outcomes]
  const sending = sendWithRetries(
    {
      what: 'GET x',
      send: async () => answerOf(rest.shift()!, retryAfter),
      isRepeatable: true,
      log: () => undefined,
    },
    rules,
  )
  const result = await sending.then(
    ({ status }) => status,
    () => 'error' as const,
  )
  expect(result).toBe(end)
  expect(waited).toEqual(waits)
})

test('a wait is announced, a replaced connection is not', async () => {
  const rules = resolveRetryRules({ delay: async () => undefined })
  const logged: string[] = []
  const log = (level: string, message: string): void => void logged.push(`${level}: ${message}`)
  const outcomes: (number | 'reset')[] = ['reset', 503, 200]
  await sendWithRetries(
    { what: 'GET x', isRepeatable: true, log, send: async () => answerOf(outcomes.shift()!) },
    rules,
  )
  expect(logged).toEqual([
    expect.stringMatching(/^debug: GET x: .*, trying again in 0 ms$/),
    'warn: GET x: status 503, trying again in 1000 ms',
  ])
})

test('503 is handed back at once where somebody else repeats', async () => {
  const rules = resolveRetryRules({ unavailableAttempts: 1, delay: async () => undefined })
  const outcomes: (number | 'reset')[] = ['reset', 503, 200]
  const request = { what: 'GET x', isRepeatable: true, log: () => undefined }
  const response = await sendWithRetries({ ...request, send: async () => answerOf(outcomes.shift()!) }, rules)
  expect(response.status).toBe(503)
})

test('what cannot be repeated is not', async () => {
  let sent = 0
  const response = await sendWithRetries(
    {
      what: 'PUT x',
      send: async () => {
        sent++
        return answerOf(429)
      },
      isRepeatable: false,
      log: () => undefined,
    },
    resolveRetryRules(),
  )
  expect([response.status, sent]).toEqual([429, 1])
})

test('an abort ends the wait with its reason', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const sending = sendWithRetries(
    {
      what: 'GET x',
      send: async () => {
        queueMicrotask(() => setImmediate(() => controller.abort(reason)))
        return answerOf(429)
      },
      isRepeatable: true,
      log: () => undefined,
      signal: controller.signal,
    },
    resolveRetryRules(),
  )
  await expect(sending).rejects.toBe(reason)
})

function answerOf(outcome: number | 'reset' | 'refused', retryAfter?: string): HttpResponse {
  if (typeof outcome === 'string') {
    const cause = Object.assign(new Error(outcome), { code: outcome === 'reset' ? 'ECONNRESET' : 'ECONNREFUSED' })
    throw new TransloadError('NETWORK', outcome, { cause, retryable: true })
  }
  const get = (name: string): string | undefined => (name === 'retry-after' ? retryAfter : undefined)
  return { status: outcome, headers: { get, all: () => [] }, body: (async function* () {})(), discard: async () => {} }
}
