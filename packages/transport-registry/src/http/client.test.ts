import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'

import { collect } from '@transload/contract'
import { expect, test } from 'vitest'

import { createHttpClient } from './client.ts'
import type { HttpClient, HttpRequest } from './http-client.ts'
import { httpAnswer, startRawServer } from './raw-server.test.kit.ts'

const proxyAuthorization = `Basic ${Buffer.from('us er:pass').toString('base64')}`

test('plain http is forwarded by the proxy, which alone sees its credentials', async () => {
  const seen: unknown[] = []
  await using proxy = await startProxy((server) => {
    server.on('request', ({ url, headers }, response) => {
      seen.push([url, headers.host, headers['proxy-authorization'], headers['authorization']])
      response.end('forwarded')
    })
  })
  await using client = createHttpClient({
    tls: { verify: true, ca: [] },
    proxy: { http: `us%20er:pass@${proxy.host}`, no: 'other.test' },
  })
  const url = new URL('http://registry.test:5000/v2/?a=b')
  expect(await getText(client, { method: 'GET', url, headers: { Authorization: 'Bearer x' } })).toBe('forwarded')
  expect(seen).toEqual([['http://registry.test:5000/v2/?a=b', 'registry.test:5000', proxyAuthorization, 'Bearer x']])
})

test('https goes through a tunnel', async () => {
  await using server = await startRawServer(({ answer }) => answer(httpAnswer(200, {}, 'tunnelled')), { tls: true })
  const tunnels: unknown[] = []
  await using proxy = await startProxy((listener) => {
    listener.on('connect', ({ url, headers }, socket) => {
      tunnels.push([url, headers['proxy-authorization']])
      const target = connect(Number(server.url.port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        socket.pipe(target).pipe(socket)
      })
      for (const end of [socket, target]) end.on('error', () => undefined)
    })
  })
  await using client = createHttpClient({
    tls: { verify: false, ca: [] },
    proxy: { https: `http://us%20er:pass@${proxy.host}` },
  })
  const url = new URL('https://registry.test/v2/')
  expect(await getText(client, { method: 'GET', url, headers: { Authorization: 'Bearer x' } })).toBe('tunnelled')
  expect(tunnels).toEqual([['registry.test:443', proxyAuthorization]])
  expect(server.requests[0]!.headers).toMatchObject({ authorization: 'Bearer x', host: 'registry.test' })
  expect(Object.keys(server.requests[0]!.headers)).not.toContain('proxy-authorization')
})

test('a proxy that refuses is an error', async () => {
  await using proxy = await startProxy((server) => {
    server.on('connect', (_, socket) => void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))
  })
  await using client = createHttpClient({ tls: { verify: false, ca: [] }, proxy: { https: `http://${proxy.host}` } })
  await expect(getText(client, { method: 'GET', url: new URL('https://registry.test/') })).rejects.toMatchObject({
    code: 'NETWORK',
    message: expect.stringContaining('Get "https://registry.test/": ') as string,
  })
})

test('a body of unknown length is sent in chunks, and its error is the error', async () => {
  const received: string[] = []
  await using server = await startRawServer(async ({ readBody, answer }) => {
    received.push((await readBody()).toString())
    answer(httpAnswer(201))
  })
  await using client = createHttpClient({ tls: { verify: true, ca: [] }, proxy: {} })
  const problem = new Error('made up')
  async function* body(fails: boolean): AsyncGenerator<Uint8Array> {
    yield Buffer.from('one')
    yield Buffer.from('two')
    if (fails) throw problem
  }
  const request = { method: 'PATCH', url: server.url }
  expect(await getText(client, { ...request, body: { chunks: body(false) } })).toBe('')
  expect(received).toEqual(['3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n'])
  await expect(client.send({ ...request, body: { chunks: body(true) } })).rejects.toBe(problem)
  // The kit gives nothing for a body that never ended.
  await expect.poll(() => received[1]).toBe('')
})

test('an abort ends a chunked upload with its reason', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  await using server = await startRawServer(async ({ readBody }) => void (await readBody()))
  await using client = createHttpClient({ tls: { verify: true, ca: [] }, proxy: {} })
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let count = 0; ; count++) {
      if (count === 5) controller.abort(reason)
      yield Buffer.alloc(10_000)
    }
  }
  const request = { method: 'PATCH', url: server.url, body: { chunks: body() }, signal: controller.signal }
  await expect(client.send(request)).rejects.toBe(reason)
})

async function startProxy(listen: (server: Server) => void): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer()
  listen(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function getText(client: HttpClient, request: HttpRequest): Promise<string> {
  return Buffer.from(await collect((await client.send(request)).body)).toString()
}
