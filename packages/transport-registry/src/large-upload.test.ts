import { randomBytes } from 'node:crypto'

import { expect, test } from 'vitest'

import { openDestination, outgoing } from './destination.test.kit.ts'
import { uploadSessions, type Mishap } from './upload-session.test.kit.ts'

const mebibyte = 1024 * 1024
const blob = randomBytes(5 * mebibyte)
const { length } = blob

/** Each mishap happens to the request that the log then ends with, once. */
function once(mishaps: Readonly<Record<string, Mishap>>): (_: unknown, log: readonly string[]) => Mishap | undefined {
  const left = new Map(Object.entries(mishaps))
  return (_, log) => {
    const mishap = left.get(log.at(-1)!)
    left.delete(log.at(-1)!)
    return mishap
  }
}

test.each<[string, Record<string, Mishap>, string[], number[]]>([
  [
    'the rest after a reset',
    { [`PUT ${length}`]: { resetAfter: 2_000_000 } },
    ['POST', `PUT ${length}`, 'GET', `PATCH 2000000-${length - 1}`, 'PUT 0'],
    [],
  ],
  [
    'the rest after a reset within that',
    {
      [`PUT ${length}`]: { resetAfter: 2_000_000 },
      [`PATCH 2000000-${length - 1}`]: { resetAfter: 1_000_000 },
    },
    ['POST', `PUT ${length}`, 'GET', `PATCH 2000000-${length - 1}`, 'GET', `PATCH 3000000-${length - 1}`, 'PUT 0'],
    [],
  ],
  [
    'all of it after 502, as the registry took nothing',
    { [`PUT ${length}`]: { status: 502 } },
    ['POST', `PUT ${length}`, 'GET', `PUT ${length}`],
    [1000],
  ],
  [
    'all of it after 429, when the registry wants it',
    { [`PUT ${length}`]: { status: 429, headers: { 'Retry-After': '7' } } },
    ['POST', `PUT ${length}`, 'GET', `PUT ${length}`],
    [7000],
  ],
  [
    'nothing but the digest after 500 to that',
    { [`PUT ${length}`]: { resetAfter: 4_000_000 }, 'PUT 0': { status: 500 } },
    ['POST', `PUT ${length}`, 'GET', `PATCH 4000000-${length - 1}`, 'PUT 0', 'GET', 'PUT 0'],
    [1000],
  ],
  [
    'nothing, if only the answer was lost',
    { [`PUT ${length}`]: 'answer lost' },
    ['POST', `PUT ${length}`, 'GET', 'HEAD'],
    [],
  ],
])('a registry gets %s', async (_, mishaps, log, waits) => {
  const sessions = uploadSessions(once(mishaps))
  await using opened = await openDestination(sessions.routes)
  await opened.destination.writeBlob(outgoing(blob))
  expect(sessions.log).toEqual(log)
  expect(sessions.stored?.equals(blob)).toBe(true)
  expect(opened.client.waited).toEqual(waits)
})

test.each<[string, Mishap, string[]]>([
  ['a lost upload', { status: 404 }, ['POST', `PUT ${length}`, 'GET', 'HEAD', 'DELETE']],
  ['no answer to where it stands', { status: 400 }, ['POST', `PUT ${length}`, 'GET', 'HEAD', 'DELETE']],
])('%s is started again by the engine', async (_, mishap, log) => {
  const sessions = uploadSessions(once({ [`PUT ${length}`]: { resetAfter: 2_000_000 }, GET: mishap }))
  await using opened = await openDestination(sessions.routes)
  const writing = opened.destination.writeBlob(outgoing(blob))
  await expect(writing).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
  await opened.client[Symbol.asyncDispose]()
  expect(sessions.log).toEqual(log)
})

test('so is a blob whose bytes cannot be read again', async () => {
  const sessions = uploadSessions(once({ [`PUT ${length}`]: { status: 500 } }))
  await using opened = await openDestination(sessions.routes)
  const writing = opened.destination.writeBlob({ ...outgoing(blob), reread: undefined })
  await expect(writing).rejects.toMatchObject({ status: 500, retryable: true })
})

test('what fails each time is given up', async () => {
  const sessions = uploadSessions(({ method }) => (method === 'PUT' ? { status: 503 } : undefined))
  await using opened = await openDestination(sessions.routes)
  const writing = opened.destination.writeBlob(outgoing(blob))
  await expect(writing).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  expect(opened.client.waited).toEqual([1000, 2000])
})

function refusesMoreThan(limit: number): Parameters<typeof uploadSessions>[0] {
  return ({ headers }) => (Number(headers['content-length'] ?? 0) > limit ? { status: 413 } : undefined)
}

test('bodies that are too large are split, and the next blob is split from the start', async () => {
  const sessions = uploadSessions(refusesMoreThan(2 * mebibyte))
  await using opened = await openDestination(sessions.routes)
  await opened.destination.writeBlob(outgoing(blob))
  const chunk = 1.25 * mebibyte
  const chunks = [0, 1, 2, 3].map((n) => `PATCH ${n * chunk}-${(n + 1) * chunk - 1}`)
  expect(sessions.log).toEqual(['POST', `PUT ${length}`, 'GET', ...chunks, 'PUT 0'])
  expect(sessions.stored?.equals(blob)).toBe(true)

  const second = randomBytes(length)
  await opened.destination.writeBlob(outgoing(second))
  expect(sessions.log.slice(8)).toEqual(['POST', ...chunks, 'PUT 0'])
  expect(sessions.stored?.equals(second)).toBe(true)
})

test('down to what every server takes', async () => {
  const sessions = uploadSessions(refusesMoreThan(mebibyte / 2))
  await using opened = await openDestination(sessions.routes)
  await expect(opened.destination.writeBlob(outgoing(blob))).rejects.toMatchObject({ status: 413, retryable: false })
  expect(sessions.log.filter((line) => /PUT|PATCH/.test(line)).map((line) => line.split('-').at(-1))).toEqual([
    `PUT ${length}`,
    String(1.25 * mebibyte - 1),
    String(mebibyte - 1),
  ])
})

test.each<[string, Record<string, string>, number]>([
  ['as large as the registry says', { 'OCI-Chunk-Max-Length': String(2 * mebibyte) }, 3],
  [
    'not smaller than it says',
    { 'OCI-Chunk-Max-Length': String(mebibyte), 'OCI-Chunk-Min-Length': String(3 * mebibyte) },
    2,
  ],
])('chunks are %s', async (_, opens, count) => {
  const sessions = uploadSessions(undefined, opens)
  await using opened = await openDestination(sessions.routes)
  await opened.destination.writeBlob(outgoing(blob))
  expect(sessions.log.filter((line) => line.startsWith('PATCH'))).toHaveLength(count)
  expect(sessions.stored?.equals(blob)).toBe(true)
})

test('a reset in a chunk costs no more than that chunk', async () => {
  const limit = 2 * mebibyte
  const second = `PATCH ${limit}-${2 * limit - 1}`
  const sessions = uploadSessions(once({ [second]: { resetAfter: mebibyte } }), {
    'OCI-Chunk-Max-Length': String(limit),
  })
  await using opened = await openDestination(sessions.routes)
  const reread: string[] = []
  const sent = outgoing(blob)
  await opened.destination.writeBlob({
    ...sent,
    reread: (start, end) => {
      reread.push(start >= 3 * mebibyte && end <= 4 * mebibyte ? 'lost part' : `${start}-${end}`)
      return sent.reread!(start, end)
    },
  })
  expect(sessions.log).toEqual([
    'POST',
    `PATCH 0-${limit - 1}`,
    second,
    'GET',
    `PATCH ${1.5 * limit}-${length - 1}`,
    'PUT 0',
  ])
  expect(reread.filter((part) => part !== 'lost part')).toEqual([])
  expect(sessions.stored?.equals(blob)).toBe(true)
})

test('what is made on the way is split too', async () => {
  const sessions = uploadSessions(undefined, { 'OCI-Chunk-Max-Length': String(2 * mebibyte) })
  await using opened = await openDestination(sessions.routes)
  await opened.destination.writeBlob({ ...outgoing(blob), digest: undefined, size: undefined, reread: undefined })
  expect(sessions.log).toEqual(['POST', 'PATCH 0', 'PATCH 0', 'PATCH 0', 'PUT 0'])
  expect(sessions.stored?.equals(blob)).toBe(true)
})

test('a body that fails after the upload was taken up again is the error, and the rest is not sent', async () => {
  const problem = new Error('wrong after all')
  const sessions = uploadSessions(once({ [`PUT ${length}`]: { resetAfter: 2_000_000 } }))
  await using opened = await openDestination(sessions.routes)
  await expect(opened.destination.writeBlob(outgoing(blob, problem))).rejects.toBe(problem)
  expect(sessions.stored).toBeUndefined()
})

test('an abort while waiting ends the upload', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const sessions = uploadSessions(({ method }) => {
    if (method === 'GET') controller.abort(reason)
    return method === 'PUT' ? { status: 503 } : undefined
  })
  await using opened = await openDestination(sessions.routes)
  const writing = opened.destination.writeBlob(outgoing(blob), { signal: controller.signal })
  await expect(writing).rejects.toBe(reason)
  await opened.client[Symbol.asyncDispose]()
  expect(sessions.log.at(-1)).toBe('DELETE')
})
