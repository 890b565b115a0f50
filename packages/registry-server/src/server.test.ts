import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'

import { collect, digestOf, type Digest } from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { errorCode, repositoryClient } from './client.test.kit.ts'
import { temporaryDirectory, temporaryRegistry } from './registry.test.kit.ts'
import { startRegistryServer } from './server.ts'

test('answers the base endpoint, and what it does not know with errors of the spec', async () => {
  await using server = await temporaryRegistry()
  const base = await fetch(`${server.url}/v2/`)
  expect([base.status, base.headers.get('docker-distribution-api-version')]).toEqual([200, 'registry/2.0'])
  for (const [method, path, status, code] of [
    ['GET', '/', 404, 'UNSUPPORTED'],
    ['GET', '/token', 404, 'UNSUPPORTED'],
    ['POST', '/v2/', 405, 'UNSUPPORTED'],
    ['PATCH', '/v2/a/manifests/v1', 405, 'UNSUPPORTED'],
    ['GET', '/v2/A/tags/list', 400, 'NAME_INVALID'],
    ['GET', '/v2/%2e%2e/%2e%2e/tags/list', 404, 'UNSUPPORTED'],
    ['GET', '/v2/a%2f..%2fb/tags/list', 400, 'NAME_INVALID'],
    ['GET', '/v2/a/manifests/%ff', 400, 'NAME_INVALID'],
    ['GET', '/v2/a/blobs/sha256:..%2f..%2findex.json', 404, 'UNSUPPORTED'],
    ['GET', '/v2/a/manifests/v1', 404, 'MANIFEST_UNKNOWN'],
  ] as const) {
    const got = await fetch(`${server.url}${path}`, { method })
    expect([path, got.status, await errorCode(got)]).toEqual([path, status, code])
  }
})

test('makes nothing on disk before the first push', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  await fetch(`${server.url}/v2/_catalog`)
  await fetch(`${server.url}/v2/a/manifests/v1`)
  expect(await readdir(directory)).toEqual([])
})

test('read-only, it serves and changes nothing', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  await using writable = await startRegistryServer({ directory })
  const { digest } = await repositoryClient(writable.url, 'a').pushImage('v1', 'one')
  await using server = await startRegistryServer({ directory, readOnly: true })
  const client = repositoryClient(server.url, 'a')
  expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
  for (const [method, path] of [
    ['POST', 'blobs/uploads/'],
    ['PUT', 'manifests/v1'],
    ['DELETE', `manifests/${digest}`],
  ] as const) {
    const refused = await client.request(method, path)
    expect([refused.status, await errorCode(refused)]).toEqual([405, 'UNSUPPORTED'])
  }
})

describe('closing', () => {
  test('ends with requests under way, twice, and leaves no upload', async () => {
    await using temporary = await temporaryDirectory()
    const directory = temporary.path
    const server = await startRegistryServer({ directory })
    const location = (await repositoryClient(server.url, 'a').request('POST', 'blobs/uploads/')).headers.get(
      'location',
    )!
    const hanging = request(`${server.url}${location}`, { method: 'PATCH', headers: { 'content-length': 1000 } })
    const ended = new Promise((resolve) => hanging.on('error', resolve))
    await new Promise<void>((resolve) => hanging.write('some', () => resolve()))
    await Promise.all([server.close(), server.close()])
    await ended
    expect(await readdir(join(directory, 'transload-uploads'))).toEqual([])
  })

  test('is not held up by connections that say nothing', async () => {
    await using temporary = await temporaryDirectory()
    const directory = temporary.path
    const server = await startRegistryServer({ directory })
    const socket = connect(server.address.port, server.address.address)
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    socket.on('error', () => {})
    await server.close()
    await closed
    expect(socket.destroyed).toBe(true)
  })
})

test('an early refusal reaches a client that is still sending', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  await using server = await startRegistryServer({ directory, readOnly: true })
  const body = Buffer.alloc(500_000)
  const refused = await repositoryClient(server.url, 'a').request('PUT', 'manifests/v1', { body })
  expect([refused.status, await errorCode(refused)]).toEqual([405, 'UNSUPPORTED'])
})

test('an address in use is an error that says so', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  await expect(startRegistryServer({ directory, port: server.address.port })).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining(`listen 127.0.0.1:${server.address.port}: `),
  })
})

test('serves HTTPS, large blobs included', async () => {
  const [cert, key] = await Promise.all(['crt', 'key'].map((type) => readFile(fixture(`loopback.${type}`), 'utf8')))
  await using server = await temporaryRegistry({ tls: { cert: cert!, key: key! } })
  expect(server.url).toBe(`https://${server.host}`)
  const content = randomBytes(3_000_000)
  const digest = digestOf(content)
  const send = (method: string, path: string, body?: Uint8Array): Promise<[number | undefined, Digest]> =>
    new Promise((resolve, reject) => {
      const sent = httpsRequest(`${server.url}${path}`, { method, ca: cert }, (response) => {
        collect(response).then((bytes) => resolve([response.statusCode, digestOf(bytes)]), reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  expect(await send('POST', `/v2/a/blobs/uploads/?digest=${digest}`, content)).toEqual([
    201,
    digestOf(new Uint8Array()),
  ])
  expect(await send('GET', `/v2/a/blobs/${digest}`)).toEqual([200, digest])
})

test('a client that goes away in the middle of a blob is not waited for', async () => {
  await using server = await temporaryRegistry()
  const { digest } = await repositoryClient(server.url, 'a').pushBlob(Buffer.alloc(20_000_000))
  const sent = request(`${server.url}/v2/a/blobs/${digest}`)
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  await once(response, 'readable')
  response.destroy()
  await once(response, 'close')
  expect((await fetch(`${server.url}/v2/`)).status).toBe(200)
})

test('a certificate that is none is an error that says so', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  await expect(startRegistryServer({ directory, tls: { cert: 'x', key: 'y' } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
})

test('what a killed registry left of its uploads goes with the next start, and only that', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  const program = `
    const { startRegistryServer } = await import(${JSON.stringify(new URL('server.ts', import.meta.url).href)})
    const server = await startRegistryServer({ directory: ${JSON.stringify(directory)} })
    await fetch(server.url + '/v2/a/blobs/uploads/', { method: 'POST' })
    console.log('ready')`
  const killed = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(killed.stdout, 'data')
  await using alive = await startRegistryServer({ directory })
  const location = (await repositoryClient(alive.url, 'a').request('POST', 'blobs/uploads/')).headers.get('location')!
  const uploads = async (): Promise<number> => {
    const entries = await readdir(join(directory, 'transload-uploads'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile() && /^[0-9a-f-]{36}$/.test(entry.name)).length
  }
  expect(await uploads()).toBe(2)
  killed.kill('SIGKILL')
  await once(killed, 'close')
  await using next = await startRegistryServer({ directory })
  await repositoryClient(next.url, 'b').pushBlob('x')
  expect(await uploads()).toBe(1)
  expect((await repositoryClient(alive.url, 'a').request('GET', location)).status).toBe(204)
})

function fixture(name: string): URL {
  return new URL(`../test/fixtures/${name}`, import.meta.url)
}
