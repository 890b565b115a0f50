import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

import { collect, digestOf, mediaTypes, rawManifest } from '@transload/contract'
import { startRegistryServer } from '@transload/registry-server'
import { afterEach, expect, test, vi } from 'vitest'

import { descriptorOf, openDestination, outgoing } from './destination.test.kit.ts'
import { createRegistryDestination } from './destination.ts'
import {
  clientOf,
  openOptions,
  startFakeRegistry,
  startTokenServer,
  withoutSignatures,
} from './fake-registry.test.kit.ts'
import { httpAnswer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { RegistryClient } from './registry-client.ts'
import { openRegistrySource } from './source.ts'
import { uploadSessions } from './upload-session.test.kit.ts'

const mebibyte = 1024 * 1024
const bytes = randomBytes(3 * mebibyte)

test.each([
  ['a blob in one request', `PUT ${bytes.length}`, {}],
  ['the first chunk', `PATCH 0-${mebibyte - 1}`, { 'OCI-Chunk-Max-Length': String(mebibyte) }],
  ['a chunk', `PATCH ${mebibyte}-${2 * mebibyte - 1}`, { 'OCI-Chunk-Max-Length': String(mebibyte) }],
  ['the digest of all chunks', 'PUT 0', { 'OCI-Chunk-Max-Length': String(mebibyte) }],
])('a token that expires before %s is renewed, and the blob goes on', async (_, line, opens) => {
  let isExpired = false
  const sessions = uploadSessions(({ headers }, log) => {
    isExpired ||= log.at(-1) === line
    return isExpired && headers['authorization'] === 'Bearer t1' ? { status: 401 } : undefined
  }, opens)
  await using tokens = await startTokenServer()
  await using opened = await openDestination(sessions.routes, {}, `Bearer realm="${tokens.url.href}"`)
  await opened.destination.writeBlob(outgoing(bytes))
  expect(sessions.stored?.equals(bytes)).toBe(true)
  expect(sessions.log.filter((entry) => entry === line)).toHaveLength(2)
  expect(sessions.log.filter((entry) => entry === 'POST')).toHaveLength(1)
  expect(tokens.requests).toHaveLength(2)
})

test('a token that expires during a download is renewed when that is resumed', async () => {
  const digest = digestOf(bytes)
  await using tokens = await startTokenServer()
  await using registry = await startFakeRegistry(({ path, headers, socket }) => {
    if (path.includes('/manifests/')) return httpAnswer(200, {}, '{"schemaVersion":2,"config":{},"layers":[]}')
    const range = headers['range']
    if (range === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`)
      socket.end(bytes.subarray(0, 2_000_000))
      return undefined
    }
    if (headers['authorization'] === 'Bearer t1') return httpAnswer(401)
    const rest = bytes.subarray(2_000_000)
    socket.write(
      `HTTP/1.1 206 Partial Content\r\nContent-Length: ${rest.length}\r\nContent-Range: bytes 2000000-${bytes.length - 1}/*\r\n\r\n`,
    )
    socket.write(rest)
    return undefined
  }, `Bearer realm="${tokens.url.href}"`)
  await using client = clientOf(registry)
  const reference = parseRegistryReference(`//${registry.host}/a:1`)
  await using source = await openRegistrySource(
    client,
    reference,
    reference,
    openOptions(),
    withoutSignatures(reference).signatures,
  )
  const read = await collect(source.readBlob({ mediaType: mediaTypes.ociLayer, digest, size: bytes.length }))
  expect(digestOf(read)).toBe(digest)
  expect(registry.requests.slice(-3).map(({ headers }) => [headers['range'], headers['authorization']])).toEqual([
    [undefined, 'Bearer t1'],
    ['bytes=2000000-', 'Bearer t1'],
    ['bytes=2000000-', 'Bearer t2'],
  ])
})

afterEach(() => void vi.useRealTimers())

test.each([
  ['an upload of known size begins', 'POST', bytes.length, 'PUT 401'],
  ['an upload of unknown size begins', 'POST', undefined, 'PATCH 401'],
  ['an upload of unknown size ends', 'PATCH', undefined, 'PUT 401'],
])("our registry's tokens: when one expires before %s, no byte is lost", async (_, expiry, size, refused) => {
  const log: string[] = []
  {
    await using scene = await openScene(log)
    scene.expireAfter(`${expiry} 202`)
    const blob = outgoing(bytes)
    await scene.destination.writeBlob({ ...blob, size, digest: size === undefined ? undefined : blob.digest })
    await expect(scene.readBack()).resolves.toBe(digestOf(bytes))
  }
  expect(log).toContain(refused)
})

test("our registry's tokens: when one expires during a download that breaks, no byte is lost", async () => {
  const log: string[] = []
  {
    await using scene = await openScene(log)
    await scene.destination.writeBlob(outgoing(bytes))
    scene.breakNextAnswer()
    await expect(scene.readBack()).resolves.toBe(digestOf(bytes))
  }
  expect(log.slice(-3)).toEqual(['GET 401', 'GET 200', 'GET 206'])
})

interface Scene extends AsyncDisposable {
  readonly destination: ReturnType<typeof createRegistryDestination>
  /** All tokens given out so far expire when that has been answered, once. */
  readonly expireAfter: (line: string) => void
  /** The next large answer breaks off in the middle, and all tokens expire. */
  readonly breakNextAnswer: () => void
  /** The digest of the blob, read as part of an image. */
  readonly readBack: () => Promise<string>
}

/**
 * The clock stands still, but for tokens that expire. `log` gets `METHOD STATUS` of every answer, and has them all when
 * this is disposed.
 */
async function openScene(log: string[]): Promise<Scene> {
  let expiry: string | undefined
  vi.useFakeTimers({ toFake: ['Date'] })
  await using cleanup = new AsyncDisposableStack()
  const directory = await mkdtemp('/tmp/transport-registry-')
  cleanup.defer(() => rm(directory, { recursive: true }))
  // Quick to check.
  const htpasswd = `user:{SHA}${createHash('sha1').update('password').digest('base64')}`
  const server = await startRegistryServer({
    directory: join(directory, 'layout'),
    auth: { scheme: 'token', htpasswd, tokenLifetimeMs: 1000 },
    log: (_, message) => {
      const line = message.replace(/ .* /, ' ')
      log.push(line)
      if (line !== expiry) return
      expiry = undefined
      expireTokens()
    },
  })
  cleanup.use(server)
  const proxy = cleanup.use(await startBreakingProxy(Number(server.host.split(':')[1]), expireTokens))
  const credentials = { username: 'user', password: 'password' }
  const client = new RegistryClient(proxy.host, { verifyTls: false, credentials: async () => credentials })
  cleanup.use(client)
  const reference = parseRegistryReference(`//${proxy.host}/a:1`)
  const destination = cleanup.use(
    createRegistryDestination(client, reference, openOptions(), withoutSignatures(reference)),
  )
  const ending = cleanup.move()
  return {
    destination,
    expireAfter: (line) => void (expiry = line),
    breakNextAnswer: proxy.breakNext,
    async readBack() {
      const config = { ...descriptorOf(bytes), mediaType: mediaTypes.ociConfig }
      const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] })
      await destination.writeManifest(rawManifest(Buffer.from(text), mediaTypes.ociManifest), { root: true })
      await destination.commit()
      await using source = await openRegistrySource(
        client,
        reference,
        reference,
        openOptions(),
        withoutSignatures(reference).signatures,
      )
      return digestOf(await collect(source.readBlob(config)))
    },
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  }
}

function expireTokens(): void {
  vi.setSystemTime(Date.now() + 5000)
}

async function startBreakingProxy(
  port: number,
  onBreak: () => void,
): Promise<AsyncDisposable & { readonly host: string; readonly breakNext: () => void }> {
  let isArmed = false
  const server = createServer((socket) => {
    let passed = 0
    const upstream = connect(port, '127.0.0.1')
    upstream.on('data', (chunk) => {
      passed += chunk.length
      if (isArmed && passed > bytes.length / 2) {
        isArmed = false
        onBreak()
        upstream.pause()
        socket.end()
      } else socket.write(chunk)
    })
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => undefined)
      one.on('close', () => other.destroy())
    }
    socket.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakNext: () => void (isArmed = true),
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
