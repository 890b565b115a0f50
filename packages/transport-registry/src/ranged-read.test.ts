import { randomBytes } from 'node:crypto'

import { collect, digestOf, mediaTypes, type Descriptor } from '@transload/contract'
import { expect, test } from 'vitest'

import { readRegistryBlob } from './blob-read.ts'
import { clientOf, startFakeRegistry } from './fake-registry.test.kit.ts'
import { httpAnswer } from './http/raw-server.test.kit.ts'
import type { Pace } from './pace.ts'

const mebibyte = 1024 * 1024
const content = randomBytes(40 * mebibyte)
const blob: Descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(content), size: content.length }
const access = { repository: 'a', actions: 'pull' } as const
const log = (): void => undefined
const slow: Pace = { received: () => undefined, isSlow: true }

/** Another answer, or fewer bytes, for the range asked for as the `index`th. */
type Spoil = (start: number, index: number) => Buffer | string | undefined

interface Outcome {
  readonly read: Buffer | Error
  /** `whole` or `bytes=…` */
  readonly asked: readonly string[]
  readonly mayReadInRanges: boolean
  readonly openReads: number
}

/** Reads the blob from a registry that gives ranges, unless `spoil` has another answer to the range of that number. */
async function readWith(spoil: Spoil = () => undefined, pace = slow): Promise<Outcome> {
  let index = 0
  await using server = await startFakeRegistry(async ({ headers, socket }) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers['range'] ?? '') ?? []
    if (first === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      socket.write(content)
      return undefined
    }
    const range = { start: Number(first), end: last ? Number(last) + 1 : content.length }
    const spoilt = spoil(range.start, index++)
    if (typeof spoilt === 'string') return spoilt
    const body = spoilt ?? content.subarray(range.start, range.end)
    const length = range.end - range.start
    socket.write(
      `HTTP/1.1 206 Partial Content\r\nContent-Length: ${length}\r\nContent-Range: bytes ${range.start}-${range.end - 1}/${content.length}\r\n\r\n`,
    )
    await new Promise((resolve) => socket.write(body, resolve))
    if (body.length < length) socket.end()
    return undefined
  })
  await using client = clientOf(server)
  const read = await collect(readRegistryBlob(client, blob, access, { pace, log })).then(
    (bytes) => Buffer.from(bytes),
    (error: unknown) => error as Error,
  )
  const asked = server.requests.slice(1).map(({ headers }) => headers['range'] ?? 'whole')
  const { mayReadInRanges, openReads } = client
  return { read, asked, mayReadInRanges, openReads }
}

const isContent = (read: Buffer | Error): boolean => read instanceof Buffer && read.equals(content)

test('a blob that comes slowly is read in ranges of 2 MiB, in order', async () => {
  const { read, asked, mayReadInRanges, openReads } = await readWith()
  expect(isContent(read)).toBe(true)
  const starts = asked.slice(1).map((range) => Number(/^bytes=(\d+)-/.exec(range)![1]))
  starts.sort((one, other) => one - other)
  expect(asked[0]).toBe('whole')
  expect(starts.length).toBe(Math.ceil((content.length - starts[0]!) / (2 * mebibyte)))
  expect(starts).toEqual(starts.map((_, index) => starts[0]! + index * 2 * mebibyte))
  expect({ mayReadInRanges, openReads }).toEqual({ mayReadInRanges: true, openReads: 0 })
})

test('one that comes fast is not', async () => {
  const { read, asked } = await readWith(undefined, { ...slow, isSlow: false })
  expect(isContent(read)).toBe(true)
  expect(asked).toEqual(['whole'])
})

test.each([
  ['sends all of it', () => httpAnswer(200, {}, 'x')],
  ['knows no ranges', () => httpAnswer(400)],
  ['sends another range', () => httpAnswer(206, { 'Content-Range': `bytes 0-3/${content.length}` }, 'abcd')],
])('a registry that %s is read over one connection', async (_, answer) => {
  const { read, asked, mayReadInRanges } = await readWith(answer)
  expect(isContent(read)).toBe(true)
  expect(asked).toHaveLength(2)
  expect(mayReadInRanges).toBe(false)
})

test('a range that breaks off is resumed', async () => {
  const { read, asked } = await readWith((start, index) =>
    index === 2 ? content.subarray(start, start + mebibyte) : undefined,
  )
  expect(isContent(read)).toBe(true)
  expect(asked.filter((range) => range !== 'whole').length).toBeGreaterThan(17)
})

test('ranges that end in the middle fail the blob, and are not tried again', async () => {
  const { read, mayReadInRanges, openReads } = await readWith((_, index) => (index >= 3 ? httpAnswer(403) : undefined))
  expect(read).toMatchObject({ code: 'PROTOCOL', retryable: true })
  expect({ mayReadInRanges, openReads }).toEqual({ mayReadInRanges: false, openReads: 0 })
})

test('several are on their way at once, and end with who reads', async () => {
  const second = Promise.withResolvers<void>()
  let ranges = 0
  await using server = await startFakeRegistry(async ({ headers, socket }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '') ?? []
    if (first === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      socket.write(content.subarray(0, mebibyte))
      return undefined
    }
    if (++ranges > 1) second.resolve()
    socket.write(
      `HTTP/1.1 206 Partial Content\r\nContent-Length: ${2 * mebibyte}\r\nContent-Range: bytes ${first}-${last}/${content.length}\r\n\r\n`,
    )
    await second.promise
    socket.write(content.subarray(Number(first), Number(first) + mebibyte))
    return undefined
  })
  await using client = clientOf(server)
  let bytes = 0
  for await (const chunk of readRegistryBlob(client, blob, access, { pace: slow, log })) {
    bytes += chunk.length
    if (bytes >= mebibyte / 2) break
  }
  expect(client.openReads).toBe(0)
  expect(ranges).toBeGreaterThan(1)
})
