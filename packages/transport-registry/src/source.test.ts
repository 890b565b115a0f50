import { randomBytes } from 'node:crypto'

import { collect, digestOf, mediaTypes, type Descriptor, type ImageSource } from '@transload/contract'
import { expect, test } from 'vitest'

import {
  clientOf,
  openOptions,
  requestLines,
  startFakeRegistry,
  type Routes,
  withoutSignatures,
} from './fake-registry.test.kit.ts'
import { httpAnswer, startRawServer, type RawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { openRegistrySource } from './source.ts'

const manifest = '{"schemaVersion":2,"config":{},"layers":[]}'
const manifestDigest = digestOf(Buffer.from(manifest))
const content = randomBytes(3_000_000)
const blob: Descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(content), size: content.length }

test('the manifest is read at once and kept, its type taken from the answer', async () => {
  const type = `${mediaTypes.ociManifest}; charset=utf-8`
  await using server = await startFakeRegistry(() => httpAnswer(200, { 'Content-Type': type }, manifest))
  await using opened = await openSource(server, 'a/b:1')
  const raw = await opened.source.readManifest(undefined)
  expect(raw).toMatchObject({ mediaType: mediaTypes.ociManifest, digest: manifestDigest })
  expect(await opened.source.readManifest(manifestDigest)).toBe(raw)
  expect(requestLines(server)).toEqual(['GET /v2/a/b/manifests/1'])
})

test.each([
  [
    'JSON',
    httpAnswer(404, {}, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }),
    'manifest unknown',
  ],
  ['a bare 404', httpAnswer(404), 'StatusCode: 404, ""'],
  [
    'HTML',
    httpAnswer(404, {}, '<html>'.repeat(20)),
    'StatusCode: 404, "<html><html><html><html><html><html><html><html><h..."',
  ],
  ['Red Hat', httpAnswer(404, {}, { errors: [{ code: 'UNKNOWN', message: 'Not Found' }] }), 'unknown: Not Found'],
])('an image that is not there, said as %s', async (_, answer, text) => {
  await using server = await startFakeRegistry(() => answer)
  await expect(openSource(server, 'a/b:none')).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
    message: `reading manifest none in ${server.host}/a/b: ${text}`,
  })
})

test.each([
  [401, 'UNAUTHENTICATED', 'authentication required'],
  [403, 'DENIED', 'StatusCode: 403, ""'],
  [500, 'PROTOCOL', 'received unexpected HTTP status: 500 Internal Server Error'],
  [503, 'UNAVAILABLE', 'received unexpected HTTP status: 503 Service Unavailable'],
  [429, 'RATE_LIMITED', 'StatusCode: 429, ""'],
])('a manifest answered with %i', async (status, code, text) => {
  await using server = await startFakeRegistry(() => httpAnswer(status))
  await expect(openSource(server, 'a:1')).rejects.toMatchObject({
    code,
    status,
    message: `reading manifest 1 in ${server.host}/a: ${text}`,
  })
})

test('a manifest of a gibibyte is not read', async () => {
  let sent = 0
  await using server = await startFakeRegistry(async ({ answer, socket }) => {
    answer(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 ** 3}\r\n\r\n`)
    for (; sent < 1024 ** 3 && !socket.destroyed; sent += 1_000_000) {
      await new Promise((resolve) => socket.write(Buffer.alloc(1_000_000), resolve))
    }
    return undefined
  })
  await expect(openSource(server, 'a:1')).rejects.toMatchObject({
    code: 'SIZE_LIMIT',
    message: 'manifest: exceeded maximum allowed size of 4194304 bytes',
  })
  expect(sent).toBeLessThan(100_000_000)
})

test('a manifest that is not the one asked for', async () => {
  await using server = await startFakeRegistry(() => httpAnswer(200, {}, '{}'))
  await expect(openSource(server, `a@${manifestDigest}`)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('a server that never answers, and an abort', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  await using server = await startFakeRegistry(() => undefined)
  const opening = openSource(server, 'a:1', controller.signal)
  await expect.poll(() => requestLines(server).length).toBe(1)
  controller.abort(reason)
  await expect(opening).rejects.toBe(reason)
})

test('where a blob was read is remembered', async () => {
  await using opened = await withBlob(() => httpAnswer(404))
  const { server, options, source } = opened
  await expect(collect(source.readBlob(blob))).rejects.toMatchObject({
    code: 'BLOB_UNKNOWN',
    message: 'fetching blob: StatusCode: 404, ""',
  })
  expect(options.remembered).toEqual([])
  await using good = await withBlob(({ socket }) => void socket.write(bodyFrom(0)))
  expect(digestOf(await collect(good.source.readBlob(blob)))).toBe(blob.digest)
  expect(good.options.remembered).toEqual([`${good.server.host} a ${blob.digest}`])
  expect(requestLines(server)).toEqual(['GET /v2/a/manifests/1', `GET /v2/a/blobs/${blob.digest}`])
})

test('a download that breaks goes on where it stopped', async () => {
  const breaks = [1_200_000, 2_500_000, content.length]
  await using opened = await withBlob(({ socket, headers }) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers['range'] ?? 'bytes=0-')![1])
    socket.write(bodyFrom(start, breaks.shift()))
    if (breaks.length > 0) socket.end()
  })
  const { source, server, options, waited } = opened
  expect(digestOf(await collect(source.readBlob(blob)))).toBe(blob.digest)
  const ranges = server.requests.slice(-3).map(({ headers }) => headers['range'])
  expect(ranges).toEqual([undefined, 'bytes=1200000-', 'bytes=2500000-'])
  expect(waited).toEqual([1000, 1000])
  expect(options.logged.find((line) => line.startsWith('info'))).toBe(
    `info Reading blob body from ${server.url.href}v2/a/blobs/${blob.digest} failed (Get "${server.url.href}v2/a/blobs/${blob.digest}": EOF), reconnecting after 1200000 bytes…`,
  )
})

test('a download that breaks again without progress is given up', async () => {
  await using opened = await withBlob(({ socket, headers }) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers['range'] ?? 'bytes=0-')![1])
    socket.write(bodyFrom(start, start + 1000))
    socket.end()
  })
  await expect(collect(opened.source.readBlob(blob))).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
  expect(requestLines(opened.server).length).toBe(3)
})

test.each([
  ['the whole', () => bodyFrom(0), 'status 200'],
  ['another part', () => bodyFrom(5, content.length), 'unexpected Content-Range "bytes 5-2999999/3000000"'],
  ['no such blob', () => Buffer.from(httpAnswer(404)), 'status 404'],
])('a download cannot go on when the answer is %s', async (_, second, reason) => {
  await using opened = await withBlob(({ socket, headers }) => {
    socket.write(headers['range'] ? second() : bodyFrom(0, 1_500_000))
    if (!headers['range']) socket.end()
  })
  await expect(collect(opened.source.readBlob(blob))).rejects.toMatchObject({
    code: 'NETWORK',
    message: expect.stringContaining(`: EOF (reconnecting failed: ${reason})`) as string,
  })
})

test('another length than announced is noticed before the first byte', async () => {
  await using opened = await withBlob(() => httpAnswer(200, {}, 'short'))
  await expect(collect(opened.source.readBlob(blob))).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
})

test('a foreign layer is read from its own URLs, in turn and without credentials', async () => {
  const bytes = Buffer.from('foreign')
  await using elsewhere = await startRawServer(({ path, answer }) =>
    answer(httpAnswer(path === '/2' ? 200 : 404, {}, 'foreign')),
  )
  await using opened = await withBlob(() => httpAnswer(500))
  const urls = ['ftp://x/', `${elsewhere.url.href}1`, `${elsewhere.url.href}2`]
  const foreign = { mediaType: mediaTypes.dockerForeignLayer, digest: digestOf(bytes), size: bytes.length, urls }
  expect(await collect(opened.source.readBlob(foreign))).toEqual(bytes)
  expect(elsewhere.requests.map(({ path }) => path)).toEqual(['/1', '/2'])
  await expect(collect(opened.source.readBlob({ ...foreign, urls: urls.slice(0, 2) }))).rejects.toMatchObject({
    code: 'BLOB_UNKNOWN',
    message: `failed fetching external blob from all urls: ${elsewhere.url.href}1: status 404`,
  })
})

/** A 200 from the start, a 206 from anywhere else; the body only up to `end`, whatever was announced. */
function bodyFrom(start: number, end = content.length): Buffer {
  const head =
    start === 0
      ? `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`
      : `HTTP/1.1 206 Partial Content\r\nContent-Length: ${content.length - start}\r\n` +
        `Content-Range: bytes ${start}-${content.length - 1}/${content.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), content.subarray(start, end)])
}

interface Opened extends AsyncDisposable {
  readonly source: ImageSource
  readonly server: RawServer
  readonly options: ReturnType<typeof openOptions>
  readonly waited: readonly number[]
}

async function withBlob(routes: (request: Parameters<Routes>[0]) => string | void): Promise<Opened> {
  const server = await startFakeRegistry((request) => {
    if (request.path.includes('/manifests/'))
      return httpAnswer(200, { 'Content-Type': mediaTypes.ociManifest }, manifest)
    return routes(request) ?? undefined
  })
  const opened = await openSource(server, 'a:1')
  return {
    ...opened,
    server,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function openSource(server: RawServer, name: string, signal?: AbortSignal): Promise<Opened> {
  const client = clientOf(server)
  const options = openOptions({ signal })
  const reference = parseRegistryReference(`//${server.host}/${name}`)
  try {
    const source = await openRegistrySource(
      client,
      reference,
      reference,
      options,
      withoutSignatures(reference).signatures,
    )
    const dispose = async (): Promise<void> => {
      await source[Symbol.asyncDispose]()
      await client[Symbol.asyncDispose]()
    }
    return { source, server, options, waited: client.waited, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await client[Symbol.asyncDispose]()
    throw error
  }
}
