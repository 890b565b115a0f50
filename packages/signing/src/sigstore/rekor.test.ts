import { expect, test } from 'vitest'

import { uploadLogEntry, type RekorOptions } from './rekor.ts'
import { startService, type ScriptedAnswer } from './service.test.kit.ts'

const proposed = { kind: 'hashedrekord', apiVersion: '0.0.1', spec: {} }
const entry = { body: 'e30=', integratedTime: 1_700_000_000, logIndex: 5, logID: 'ab' }
const stored = { ...entry, verification: { signedEntryTimestamp: 'AAAA' } }
const created: ScriptedAnswer = { status: 201, body: JSON.stringify({ '0a': stored }) }

/** Notes how long it should have waited. */
function clock(): { readonly waited: number[]; readonly delay: NonNullable<RekorOptions['delay']> } {
  const waited: number[] = []
  return { waited, delay: async (ms) => void waited.push(ms) }
}

test('an entry is made', async () => {
  await using log = await startService(() => created)
  expect(await uploadLogEntry(proposed, { url: `${log.url}/base/` })).toEqual({
    ...entry,
    signedEntryTimestamp: 'AAAA',
    inclusionProof: undefined,
  })
  expect(log.requests).toMatchObject([
    { method: 'POST', target: '/base/api/v1/log/entries', body: JSON.stringify(proposed) },
  ])
  expect(log.requests[0]!.headers['content-type']).toBe('application/json')
})

test('an entry that is there already is read', async () => {
  await using log = await startService(({ method }) =>
    method === 'POST'
      ? { status: 409, headers: { location: '/api/v1/log/entries/0a1b' } }
      : { status: 200, body: created.body! },
  )
  expect(await uploadLogEntry(proposed, log)).toMatchObject(entry)
  expect(log.requests.map(({ target }) => target)).toEqual(['/api/v1/log/entries', '/api/v1/log/entries/0a1b'])
})

test.each([['http://elsewhere.test/0a'], ['../../../admin'], ['x']])(
  'whatever a conflict points to (%s), only the log itself is asked',
  async (location) => {
    await using log = await startService(({ method }) =>
      method === 'POST' ? { status: 409, headers: { location } } : { status: 404 },
    )
    await expect(uploadLogEntry(proposed, log)).rejects.toMatchObject({ code: 'PROTOCOL' })
    for (const { target } of log.requests) expect(target).toMatch(/^\/api\/v1\/log\/entries(\/0a)?$/)
  },
)

test('a log that is busy or hangs up is asked again, three times', async () => {
  const { waited, delay } = clock()
  const answers: (ScriptedAnswer | undefined)[] = [{ status: 503 }, undefined, { status: 429 }, created]
  await using log = await startService(() => answers.shift())
  expect(await uploadLogEntry(proposed, { ...log, delay })).toMatchObject(entry)
  expect(waited).toEqual([1000, 2000, 4000])
})

test.each([
  [500, '{"code":500,"message":"no disk"}', 'UNAVAILABLE', 'status 500: no disk', 4],
  [400, '{"code":400,"message":"bad entry"}', 'PROTOCOL', 'status 400: bad entry', 1],
  [403, 'no\u001B[31m', 'DENIED', 'status 403: no', 1],
  [302, '', 'PROTOCOL', 'status 302', 1],
  [201, '[', 'PROTOCOL', 'is not valid JSON', 1],
  [201, '{}', 'PROTOCOL', 'expected 1 Rekor entry, got 0', 1],
  [201, JSON.stringify({ a: stored, b: stored }), 'PROTOCOL', 'expected 1 Rekor entry, got 2', 1],
  [201, JSON.stringify({ a: entry }), 'PROTOCOL', 'invalid Rekor entry', 1],
  [201, JSON.stringify({ a: { ...stored, logIndex: '5' } }), 'PROTOCOL', 'invalid Rekor entry', 1],
])('status %d with %j is an error', async (status, body, code, message, tries) => {
  await using log = await startService(() => ({ status, body, headers: { location: 'http://elsewhere.test/' } }))
  await expect(uploadLogEntry(proposed, { ...log, delay: clock().delay })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  })
  expect(log.requests).toHaveLength(tries)
})

test('an answer without an end is cut', async () => {
  await using log = await startService(() => ({ status: 201, body: ' '.repeat(2_000_000) }))
  await expect(uploadLogEntry(proposed, log)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})

test('an abort ends the waiting with its reason', async () => {
  const reason = new Error('enough')
  const controller = new AbortController()
  await using log = await startService(() => ({ status: 503 }))
  const delay = async (): Promise<void> => {
    controller.abort(reason)
  }
  await expect(uploadLogEntry(proposed, { ...log, delay, signal: controller.signal })).rejects.toBe(reason)
  expect(log.requests).toHaveLength(1)
})
