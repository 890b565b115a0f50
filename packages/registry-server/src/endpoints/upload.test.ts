import { readdir } from 'node:fs/promises'
import { request } from 'node:http'

import { digestOf } from '@transload/contract'
import { describe, expect, test, vi } from 'vitest'

import { errorCode, repositoryClient, type RepositoryClient } from '../client.test.kit.ts'
import { temporaryDirectory, temporaryRegistry } from '../registry.test.kit.ts'
import { startRegistryServer, type RegistryServer } from '../server.ts'

const content = Buffer.from('0123456789')
const digest = digestOf(content)

describe('a blob is pushed', () => {
  test('by POST and PUT', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'a')
    const location = await start(client)
    const put = await client.request('PUT', `${location}?digest=${digest}`, { body: content })
    expect([put.status, put.headers.get('location'), put.headers.get('docker-content-digest')]).toEqual([
      201,
      `/v2/a/blobs/${digest}`,
      digest,
    ])
    expect(await read(client)).toBe('0123456789')
  })

  test('by POST alone, with either algorithm', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'a')
    const sha512 = digestOf(content, 'sha512')
    for (const one of [digest, sha512]) {
      const post = await client.request('POST', `blobs/uploads/?digest=${one}`, { body: content })
      expect([post.status, post.headers.get('location')]).toEqual([201, `/v2/a/blobs/${one}`])
      expect(await (await client.request('GET', `blobs/${one}`)).text()).toBe('0123456789')
    }
  })

  test('in one PATCH, with an algorithm told at the end', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'a')
    const location = await start(client)
    expect((await client.request('PATCH', location, { body: content })).status).toBe(202)
    const sha512 = digestOf(content, 'sha512')
    expect((await client.request('PUT', `${location}?digest=${sha512}`)).status).toBe(201)
    expect((await client.request('HEAD', `blobs/${sha512}`)).status).toBe(200)
  })

  test('in chunks that have to follow each other', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'a')
    const location = await start(client)
    const patch = (range: string, body: string): Promise<Response> =>
      client.request('PATCH', location, { headers: { 'content-range': range }, body })
    const first = await patch('0-3', '0123')
    expect([first.status, first.headers.get('range'), first.headers.get('location')]).toEqual([202, '0-3', location])
    const gap = await patch('5-6', '56')
    expect([gap.status, gap.headers.get('range'), await errorCode(gap)]).toEqual([416, '0-3', 'RANGE_INVALID'])
    const short = await patch('4-9', '45')
    expect([short.status, await errorCode(short)]).toEqual([400, 'SIZE_INVALID'])
    const malformed = await patch('four', '4')
    expect([malformed.status, await errorCode(malformed)]).toEqual([400, 'BLOB_UPLOAD_INVALID'])
    expect((await patch('4-7', '4567')).status).toBe(202)
    const status = await client.request('GET', location)
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-7'])
    const put = await client.request('PUT', `${location}?digest=${digest}`, {
      headers: { 'content-range': '8-9' },
      body: '89',
    })
    expect(put.status).toBe(201)
    expect(await read(client)).toBe('0123456789')
  })

  test('by mounting it, with or without a source', async () => {
    await using server = await temporaryRegistry()
    await repositoryClient(server.url, 'a').pushBlob(content)
    for (const [name, query] of [
      ['b', `mount=${digest}&from=a`],
      ['c', `mount=${digest}`],
    ] as const) {
      const client = repositoryClient(server.url, name)
      const post = await client.request('POST', `blobs/uploads/?${query}`)
      expect([post.status, post.headers.get('location')]).toEqual([201, `/v2/${name}/blobs/${digest}`])
      expect(await read(client)).toBe('0123456789')
    }
  })

  test.for(['from=b', 'from=B', `from=a&mount=${digestOf(Buffer.from('other'))}`])(
    'not by mounting with %s: an upload starts instead',
    async (query) => {
      await using server = await temporaryRegistry()
      await repositoryClient(server.url, 'a').pushBlob(content)
      const client = repositoryClient(server.url, 'c')
      const post = await client.request(
        'POST',
        `blobs/uploads/?${query.includes('mount=') ? '' : `mount=${digest}&`}${query}`,
      )
      expect(post.status).toBe(202)
      const put = await client.request('PUT', `${post.headers.get('location')}?digest=${digest}`, { body: content })
      expect(put.status).toBe(201)
    },
  )
})

test('content with another digest is refused and leaves nothing', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  const client = repositoryClient(server.url, 'a')
  const location = await start(client)
  const put = await client.request('PUT', `${location}?digest=${digest}`, { body: 'something else' })
  expect([put.status, await errorCode(put)]).toEqual([400, 'DIGEST_INVALID'])
  expect((await client.request('HEAD', `blobs/${digest}`)).status).toBe(404)
  expect(await filesBelow(directory)).toEqual([])
})

test('an upload can be cancelled', async () => {
  await using server = await temporaryRegistry()
  const { directory } = server
  const client = repositoryClient(server.url, 'a')
  const location = await start(client)
  expect((await client.request('DELETE', location)).status).toBe(204)
  const gone = await client.request('PATCH', location, { body: 'x' })
  expect([gone.status, await errorCode(gone)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
  expect(await filesBelow(directory)).toEqual([])
})

test('cancelling does not wait for a request that is writing', async () => {
  await using server = await temporaryRegistry()
  const client = repositoryClient(server.url, 'a')
  const location = await start(client)
  const writing = request(`${server.url}${location}`, { method: 'PATCH', headers: { 'content-length': 1000 } })
  const broken = new Promise((resolve) => writing.on('error', resolve))
  writing.write('01234')
  await vi.waitFor(async () => {
    expect((await client.request('GET', location)).headers.get('range')).toBe('0-4')
  })
  expect((await client.request('DELETE', location)).status).toBe(204)
  expect((await client.request('GET', location)).status).toBe(404)
  writing.destroy(new Error('the client hangs up'))
  await broken
  await vi.waitFor(async () => expect(await filesBelow(server.directory)).toEqual([]))
})

test('an upload belongs to its repository', async () => {
  await using server = await temporaryRegistry()
  const location = await start(repositoryClient(server.url, 'a'))
  const elsewhere = await repositoryClient(server.url, 'b').request('GET', location.replace('/v2/a/', '/v2/b/'))
  expect(await errorCode(elsewhere)).toBe('BLOB_UPLOAD_UNKNOWN')
})

test('a connection that breaks leaves what came, to go on from', async () => {
  await using server = await temporaryRegistry()
  const client = repositoryClient(server.url, 'a')
  const location = await start(client)
  await breakOff(server, location, '01234')
  let received: string | null
  do received = (await client.request('GET', location)).headers.get('range')
  while (received === '0-0')
  expect(received).toBe('0-4')
  let status: number
  // until the server has seen the break, the upload is the broken request's
  do status = (await client.request('PATCH', location, { headers: { 'content-range': '5-9' }, body: '56789' })).status
  while (status === 409)
  expect(status).toBe(202)
  expect((await client.request('PUT', `${location}?digest=${digest}`)).status).toBe(201)
  expect(await read(client)).toBe('0123456789')
})

test('an upload nobody continues is dropped', async () => {
  await using server = await temporaryRegistry({ uploadExpiryMs: 1 })
  const client = repositoryClient(server.url, 'a')
  const location = await start(client)
  let status: number
  do status = (await client.request('GET', location)).status
  while (status === 204)
  expect(status).toBe(404)
})

test('uploads are limited in number', async () => {
  await using temporary = await temporaryDirectory()
  const directory = temporary.path
  await using server = await startRegistryServer({ directory, maxUploads: 1 })
  const client = repositoryClient(server.url, 'a')
  await start(client)
  const refused = await client.request('POST', 'blobs/uploads/')
  expect([refused.status, await errorCode(refused)]).toEqual([429, 'TOOMANYREQUESTS'])
})

test('many uploads at once do not mix', async () => {
  await using server = await temporaryRegistry()
  const client = repositoryClient(server.url, 'a')
  const blobs = await Promise.all(
    Array.from({ length: 20 }, (_, index) => client.pushBlob(Buffer.alloc(300_000 + index, index))),
  )
  const sizes = await Promise.all(
    blobs.map(async (blob) => (await (await client.request('GET', `blobs/${blob.digest}`)).arrayBuffer()).byteLength),
  )
  expect(sizes).toEqual(blobs.map(({ size }) => size))
})

async function start(client: RepositoryClient): Promise<string> {
  const post = await client.request('POST', 'blobs/uploads/')
  const location = post.headers.get('location')
  expect([post.status, location]).toEqual([202, expect.stringMatching(/^\/v2\/[ab]\/blobs\/uploads\/[0-9a-f-]{36}$/)])
  return location!
}

async function read(client: RepositoryClient): Promise<string> {
  return await (await client.request('GET', `blobs/${digest}`)).text()
}

/** Announces more than it sends and closes the connection when that has arrived. */
async function breakOff(server: RegistryServer, path: string, body: string): Promise<void> {
  const sent = request(`${server.url}${path}`, { method: 'PATCH', headers: { 'content-length': 1000 } })
  sent.on('error', () => {})
  await new Promise<void>((resolve) => sent.write(body, () => resolve()))
  await new Promise((resolve) => sent.destroy().on('close', resolve))
}

/** All but the lock and its second name. */
async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !/^(lock|transload-put-.*)$/.test(entry.name))
    .map(({ name }) => name)
}
