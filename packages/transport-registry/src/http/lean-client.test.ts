import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'

import { collect, TransloadError } from '@transload/contract'
import { expect, test } from 'vitest'

import type { HttpClient, HttpRequest, TlsSettings } from './http-client.ts'
import { createLeanClient } from './lean-client.ts'
import { loopbackCertificate, startRawServer, type RawRequest } from './raw-server.test.kit.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('one connection serves requests one after the other', async () => {
  await using server = await startRawServer((request) => request.answer(ok))
  await using client = leanClient()
  for (const path of ['/a', '/b?c=d', '/e']) expect(await getText(client, new URL(path, server.url))).toBe('ok')
  expect(server.accepted).toBe(1)
  expect(server.requests.map(({ path }) => path)).toEqual(['/a', '/b?c=d', '/e'])
  expect(server.requests[0]!.headers).toEqual({ host: server.host })
})

test('connections opened ahead are used, waited for, and not opened twice', async () => {
  await using server = await startRawServer((request) => request.answer(ok))
  await using client = leanClient()
  client.connect!(server.url, 3)
  client.connect!(server.url, 3)
  await Promise.all(['/a', '/b', '/c'].map((path) => getText(client, new URL(path, server.url))))
  expect(server.accepted).toBe(3)
})

test('a server that cannot be connected to ahead is told of by the request', async () => {
  const server = await startRawServer((request) => request.answer(ok))
  await server[Symbol.asyncDispose]()
  await using client = leanClient()
  client.connect!(server.url, 2)
  await expect(getText(client, server.url)).rejects.toMatchObject({ code: 'NETWORK' })
})

test.each<[string, string, string, Partial<HttpRequest>?]>([
  ['a HEAD has no body', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', '', { method: 'HEAD' }],
  ['204 has none either', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['nor 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', ''],
  [
    'interim answers are skipped',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${ok}`,
    'ok',
  ],
  [
    'chunks, extensions and trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: t\r\n\r\n',
    'abcd',
  ],
])('%s, and the connection is kept', async (_, answer, text, request = {}) => {
  await using server = await startRawServer(({ answer: send }) => send(answer))
  await using client = leanClient()
  for (let count = 0; count < 2; count++) expect(await getText(client, server.url, request)).toBe(text)
  expect(server.accepted).toBe(1)
})

test('an answer in the smallest pieces is put together', async () => {
  const answer = 'HTTP/1.1 200 OK\r\nX-Test:  a b \r\nx-test: c\r\nContent-Length: 5\r\n\r\nhello'
  await using server = await startRawServer(async (request) => {
    for (const letter of answer) {
      request.answer(letter)
      await setImmediate()
    }
  })
  await using client = leanClient()
  const response = await client.send({ method: 'GET', url: server.url })
  expect(response.headers.all('X-TEST')).toEqual(['a b', 'c'])
  expect(Buffer.from(await collect(response.body)).toString()).toBe('hello')
})

test.each([
  ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a server that waits less than a second', `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok`],
  ['data nobody asked for', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`],
])('after %s another connection is used', async (_, answer) => {
  await using server = await startRawServer(({ answer: send }) => send(answer))
  await using client = leanClient()
  for (let count = 0; count < 2; count++) expect(await getText(client, server.url)).toBe('ok')
  expect(server.accepted).toBe(2)
})

test('a body without a length ends with the connection', async () => {
  await using server = await startRawServer(({ answer, socket }) => {
    answer('HTTP/1.1 200 OK\r\n\r\nall of it')
    socket.end()
  })
  await using client = leanClient()
  expect(await getText(client, server.url)).toBe('all of it')
})

test('what came of a body that was cut off is handed out before the error', async () => {
  await using server = await startRawServer(({ answer, socket }) => {
    answer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    socket.end()
  })
  await using client = leanClient()
  const { body } = await client.send({ method: 'GET', url: server.url })
  const chunks: Uint8Array[] = []
  const reading = (async () => {
    for await (const chunk of body) chunks.push(chunk)
  })()
  await expect(reading).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
  expect(Buffer.concat(chunks).toString()).toBe('half')
})

test.each([
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['a coding we do not know', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['endless headers', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2_000_000)}`],
  ['an endless chunk size', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'0'.repeat(4_000_000)}`],
  ['endless interim answers', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'],
])('%s is refused', async (_, answer) => {
  await using server = await startRawServer(({ answer: send }) => send(answer))
  await using client = leanClient()
  await expect(getText(client, server.url)).rejects.toMatchObject({ code: 'PROTOCOL' })
})

test('a kept connection that was closed just now is replaced, once', async () => {
  const closeFrom = { index: 1 }
  await using server = await startRawServer(({ answer, socket, index }) => {
    if (index >= closeFrom.index && index < closeFrom.index + 1) socket.destroy()
    else answer(ok)
  })
  await using client = leanClient()
  expect(await getText(client, server.url)).toBe('ok')
  expect(await getText(client, server.url, { method: 'POST', body: Buffer.from('again') })).toBe('ok')
  expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST'])
})

test('a new connection that is closed without an answer is an error that may be tried again', async () => {
  await using server = await startRawServer(({ socket }) => void socket.destroy())
  await using client = leanClient()
  const failure = client.send({ method: 'GET', url: server.url })
  await expect(failure).rejects.toMatchObject({ code: 'NETWORK', retryable: true })
  expect(server.requests.length).toBe(1)
})

test('a stream is sent with back-pressure and never twice', async () => {
  const chunks = Array.from({ length: 40 }, () => randomBytes(200_000))
  const received = createHash('sha256')
  await using server = await startRawServer(async (request) => {
    const size = Number(request.headers['content-length'])
    for (let left = size; left > 0;) {
      const part = await request.readBody(Math.min(left, 50_000))
      received.update(part)
      left -= part.length
      await setImmediate()
    }
    request.answer(ok)
  })
  await using client = leanClient()
  const body = { size: 8_000_000, chunks: streamOf(chunks) }
  expect(await getText(client, server.url, { method: 'PUT', body })).toBe('ok')
  expect(received.digest('hex')).toBe(createHash('sha256').update(Buffer.concat(chunks)).digest('hex'))
})

test('an answer that comes during an upload ends the upload', async () => {
  await using server = await startRawServer(({ answer }) => {
    answer('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 6\r\n\r\n')
    answer('no way')
  })
  await using client = leanClient()
  let ended = false
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        yield Buffer.alloc(100_000)
        await setImmediate()
      }
    } finally {
      ended = true
    }
  }
  const response = await client.send({ method: 'PUT', url: server.url, body: { size: 1e12, chunks: endless() } })
  expect(response.status).toBe(413)
  expect(Buffer.from(await collect(response.body)).toString()).toBe('no way')
  await expect.poll(() => ended && server.open).toBe(0)
})

test('an error of the request body is the error, and the server sees an unfinished request', async () => {
  let announced = 0
  let got = 0
  await using server = await startRawServer(async ({ headers, readBody }) => {
    announced = Number(headers['content-length'])
    got = (await readBody()).length
  })
  await using client = leanClient()
  const problem = new Error('made up')
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(10)
    throw problem
  }
  await expect(client.send({ method: 'PUT', url: server.url, body: { size: 20, chunks: failing() } })).rejects.toBe(
    problem,
  )
  await expect.poll(() => [announced, got, server.open]).toEqual([20, 10, 0])
})

test.each([5, 50])('a body of 20 bytes that yields %i is an error', async (bytes) => {
  await using server = await startRawServer(async ({ readBody, answer }) => {
    await readBody()
    answer(ok)
  })
  await using client = leanClient()
  const body = { size: 20, chunks: streamOf([Buffer.alloc(bytes)]) }
  await expect(client.send({ method: 'PUT', url: server.url, body })).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
})

test('nothing in a header can start another one', async () => {
  await using server = await startRawServer(({ answer }) => answer(ok))
  await using client = leanClient()
  const headers = { 'X-Bad': 'a\r\nX-Injected: b' }
  await expect(client.send({ method: 'GET', url: server.url, headers })).rejects.toMatchObject({ code: 'PROTOCOL' })
  expect(server.requests).toEqual([])
})

test.each<[string, (request: RawRequest) => void]>([
  ['for an answer', () => undefined],
  ['for the rest of a head', ({ answer }) => answer('HTTP/1.1 200 OK\r\nX: ')],
  ['for the rest of a body', ({ answer }) => answer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab')],
])('an abort while waiting %s rejects with the reason and drops the connection', async (_, handle) => {
  const controller = new AbortController()
  const reason = new Error('enough')
  await using server = await startRawServer(async (request) => {
    handle(request)
    await setImmediate()
    controller.abort(reason)
  })
  await using client = leanClient()
  await expect(getText(client, server.url, { signal: controller.signal })).rejects.toBe(reason)
  await expect.poll(() => server.open).toBe(0)
  await expect(getText(client, server.url, { signal: controller.signal })).rejects.toBe(reason)
})

test('a body that is not read to its end drops the connection', async () => {
  await using server = await startRawServer(({ answer }) => {
    answer('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n', Buffer.alloc(500_000))
  })
  await using client = leanClient()
  const { body } = await client.send({ method: 'GET', url: server.url })
  for await (const _ of body) break
  await expect.poll(() => server.open).toBe(0)
})

test('a short body that is discarded leaves the connection usable, a long one does not', async () => {
  await using server = await startRawServer(({ answer, index }) => {
    if (index === 0) answer('HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n', 'abc')
    else answer('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n', Buffer.alloc(1000))
  })
  await using client = leanClient()
  for (let count = 0; count < 2; count++) {
    const response = await client.send({ method: 'GET', url: server.url })
    await response.discard()
  }
  expect(server.accepted).toBe(1)
  await expect.poll(() => server.open).toBe(0)
})

test('no more than 64 connections to one server, and all requests are answered', async () => {
  let most = 0
  await using server = await startRawServer(async ({ answer }) => {
    most = Math.max(most, server.open)
    await setImmediate()
    answer(ok)
  })
  await using client = leanClient()
  const texts = await Promise.all(Array.from({ length: 200 }, () => getText(client, server.url)))
  expect(texts.filter((text) => text === 'ok').length).toBe(200)
  expect(most).toBeLessThanOrEqual(64)
})

test.each([
  ['in the clear', false],
  ['over TLS', true],
])('chunks held by a slow reader are not overwritten, %s', async (_, tls) => {
  const content = randomBytes(24_000_000)
  await using server = await startRawServer(
    async ({ socket, answer }) => {
      answer(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      for (let offset = 0; offset < content.length; offset += 33_333) {
        if (!socket.write(content.subarray(offset, offset + 33_333))) await once(socket, 'drain')
      }
    },
    { tls },
  )
  const { cert } = await loopbackCertificate()
  await using client = leanClient({ verify: true, ca: [cert] })
  const { body } = await client.send({ method: 'GET', url: server.url })
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    chunks.push(chunk)
    for (let turn = 0; turn < 3; turn++) await setImmediate()
  }
  expect(Buffer.concat(chunks).equals(content)).toBe(true)
  expect(content.length / chunks.length).toBeGreaterThan(60_000)
})

test('uploads over TLS arrive as they were sent', async () => {
  const content = randomBytes(9_000_000)
  await using server = await startRawServer(
    async ({ readBody, answer }) => {
      const received = await readBody()
      const digest = createHash('sha256').update(received).digest('hex')
      answer(`HTTP/1.1 201 Created\r\nX-Digest: ${digest}\r\nContent-Length: 0\r\n\r\n`)
    },
    { tls: true },
  )
  const { cert } = await loopbackCertificate()
  await using client = leanClient({ verify: true, ca: [cert] })
  for (let count = 0; count < 2; count++) {
    const chunks = streamOf([content.subarray(0, 100), content.subarray(100, 4_000_000), content.subarray(4_000_000)])
    const response = await client.send({ method: 'PUT', url: server.url, body: { size: content.length, chunks } })
    expect(response.headers.get('x-digest')).toBe(createHash('sha256').update(content).digest('hex'))
  }
  expect(server.accepted).toBe(1)
})

test('a host with two addresses is reached over TLS', async () => {
  await using server = await startRawServer(({ answer }) => answer(ok), { tls: true })
  const { cert } = await loopbackCertificate()
  await using client = leanClient({ verify: true, ca: [cert] })
  expect(await getText(client, new URL(`https://localhost:${server.url.port}/`))).toBe('ok')
})

test('a certificate nobody vouches for is a TLS error, unless nobody asks', async () => {
  await using server = await startRawServer(({ answer }) => answer(ok), { tls: true })
  await using strict = leanClient({ verify: true, ca: [] })
  await expect(getText(strict, server.url)).rejects.toMatchObject({
    code: 'TLS',
    message: expect.stringContaining(
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ) as string,
  })
  await using lax = leanClient({ verify: false, ca: [] })
  expect(await getText(lax, server.url)).toBe('ok')
})

test('plain HTTP where TLS was expected is said in so many words', async () => {
  await using server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using client = leanClient()
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`)
  await expect(client.send({ method: 'GET', url })).rejects.toMatchObject({
    code: 'TLS',
    message: `Get "${url.href}": http: server gave HTTP response to HTTPS client`,
  })
})

test('a connection that is refused is a NETWORK error', async () => {
  await using server = await startRawServer(() => undefined)
  const { url } = server
  await server[Symbol.asyncDispose]()
  await using client = leanClient()
  await expect(client.send({ method: 'GET', url })).rejects.toMatchObject({
    code: 'NETWORK',
    retryable: true,
    message: `Get "${url.href}": dial tcp ${url.host}: connect: connection refused`,
  })
})

test('disposing ends what is going on', async () => {
  await using server = await startRawServer(() => undefined)
  const client = leanClient()
  const waiting = client.send({ method: 'GET', url: server.url })
  await expect.poll(() => server.requests.length).toBe(1)
  await client[Symbol.asyncDispose]()
  await expect(waiting).rejects.toSatisfy((error) => TransloadError.is(error, 'NETWORK'))
})

function leanClient(tls: TlsSettings = { verify: true, ca: [] }): HttpClient {
  return createLeanClient(tls)
}

async function getText(client: HttpClient, url: URL, request: Partial<HttpRequest> = {}): Promise<string> {
  const response = await client.send({ method: 'GET', url, ...request })
  return Buffer.from(await collect(response.body)).toString('latin1')
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await setImmediate()
    yield chunk
  }
}
