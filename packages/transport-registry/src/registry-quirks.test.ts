import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'

import { expect, test } from 'vitest'

import { outgoing } from './destination.test.kit.ts'
import { createRegistryDestination } from './destination.ts'
import { openOptions } from './fake-registry.test.kit.ts'
import { httpAnswer, startRawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { RegistryClient } from './registry-client.ts'
import { quirksOf } from './registry-quirks.ts'
import { uploadSessions, type Mishap, type UploadSessions } from './upload-session.test.kit.ts'

const blob = randomBytes(600_000)
const { length } = blob

test.each([
  ['docker.io', { address: 'registry-1.docker.io' }],
  ['ghcr.io', { takesOneBody: true }],
  ['gcr.io', { takesOneBody: true }],
  ['eu.gcr.io:443', { takesOneBody: true }],
  ['europe-west1-docker.pkg.dev', { takesOneBody: true }],
  ['public.ecr.aws', { takesOneBody: true }],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com', { takesOneBody: true }],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', { takesOneBody: true }],
  ['123456789012.dkr.ecr-fips.us-east-1.amazonaws.com', { takesOneBody: true }],
  ['123456789012.dkr-ecr.us-east-1.on.aws', { takesOneBody: true }],
  ['mine.azurecr.io', { maxPutBytes: 20_000_000 }],
  ['quay.io', {}],
  ['evilghcr.io', {}],
  ['ghcr.io.example', {}],
])('%s', (host, quirks) => {
  expect(quirksOf(host)).toEqual(quirks)
})

/** A registry that the whole world's names lead to. */
async function writeTo(
  host: string,
  bytes: Buffer,
  mishap?: (log: readonly string[]) => Mishap | undefined,
): Promise<{ sessions: UploadSessions; outcome: unknown; asked: readonly string[] }> {
  const sessions = uploadSessions((_, log) => mishap?.(log))
  await using server = await startRawServer(
    async (request) => {
      const answer = request.path === '/v2/' ? httpAnswer(200) : await sessions.routes(request)
      if (answer !== undefined) request.answer(answer)
    },
    { tls: true },
  )
  await using proxy = await startTunnel(Number(server.url.port))
  const retry = { delay: async () => undefined }
  const client = new RegistryClient(host, { verifyTls: false, retry, proxy: { https: proxy.url, http: proxy.url } })
  const options = openOptions()
  const destination = createRegistryDestination(client, parseRegistryReference(`//${host}/a/a:1`), options)
  const outcome = await destination.writeBlob(outgoing(bytes)).catch((error: unknown) => error)
  await client[Symbol.asyncDispose]()
  return { sessions, outcome, asked: proxy.asked }
}

/** An HTTP proxy that connects to `port` whatever it is asked for. */
async function startTunnel(
  port: number,
): Promise<AsyncDisposable & { readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (head) => {
      const [method, target = ''] = head.toString('latin1').split(' ')
      asked.push(target)
      if (method !== 'CONNECT' || target.endsWith(':80')) {
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
        return
      }
      const upstream = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'))
      upstream.on('error', () => socket.destroy())
      socket.on('close', () => upstream.destroy())
      socket.pipe(upstream).pipe(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test.each(['ghcr.io', 'europe-docker.pkg.dev', 'public.ecr.aws'])(
  '%s gets a blob anew when its upload breaks',
  async (host) => {
    let isBroken = false
    const { sessions, outcome } = await writeTo(host, blob, (log) => {
      if (isBroken || log.at(-1) !== `PUT ${length}`) return undefined
      isBroken = true
      return { status: 503 }
    })
    expect(outcome).toMatchObject({ status: 503, retryable: true })
    expect(sessions.log).toEqual(['POST', `PUT ${length}`, 'DELETE'])
  },
)

test('Azure gets what is large by PATCH', async () => {
  const large = Buffer.alloc(20_000_001)
  const { sessions, outcome } = await writeTo('mine.azurecr.io', large)
  expect(outcome).toBeUndefined()
  expect(sessions.log).toEqual(['POST', `PATCH ${large.length}`, 'PUT 0'])
  expect(sessions.stored?.length).toBe(large.length)
})

test('Docker Hub is asked where it is', async () => {
  const { outcome, asked } = await writeTo('docker.io', blob)
  expect(outcome).toBeUndefined()
  expect(asked).toContain('registry-1.docker.io:443')
  expect(asked.filter((target) => !target.includes('registry-1.docker.io'))).toEqual([])
})
