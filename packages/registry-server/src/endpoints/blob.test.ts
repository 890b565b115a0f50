import { digestOf } from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { errorCode, repositoryClient } from '../client.test.kit.ts'
import { temporaryRegistry } from '../registry.test.kit.ts'

const content = Buffer.from('0123456789')
const digest = digestOf(content)

describe('a blob that was pushed', () => {
  test('comes back byte for byte, with its headers', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    await client.pushBlob(content)
    const head = await client.request('HEAD', `blobs/${digest}`)
    expect(head.status).toBe(200)
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'content-length': '10',
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
    })
    const got = await client.request('GET', `blobs/${digest}`)
    expect([got.status, got.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
    expect(Buffer.from(await got.arrayBuffer())).toEqual(content)
  })

  test.for([
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=0-99', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=0-1,3-4', 200, null, '0123456789'],
  ] as const)('Range %s', async ([range, status, contentRange, body]) => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    await client.pushBlob(content)
    const got = await client.request('GET', `blobs/${digest}`, { headers: { range } })
    expect([got.status, got.headers.get('content-range'), await got.text()]).toEqual([status, contentRange, body])
  })

  test('has no bytes past its end', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    await client.pushBlob(content)
    const got = await client.request('GET', `blobs/${digest}`, { headers: { range: 'bytes=10-' } })
    expect([got.status, got.headers.get('content-range'), await errorCode(got)]).toEqual([
      416,
      'bytes */10',
      'RANGE_INVALID',
    ])
  })

  test('is whole for an If-Range', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    await client.pushBlob(content)
    const got = await client.request('GET', `blobs/${digest}`, { headers: { range: 'bytes=2-4', 'if-range': '"x"' } })
    expect([got.status, await got.text()]).toEqual([200, '0123456789'])
  })

  test('can be empty', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const empty = await client.pushBlob('')
    const got = await client.request('GET', `blobs/${empty.digest}`)
    expect([got.status, got.headers.get('content-length'), await got.text()]).toEqual([200, '0', ''])
  })

  test('is unknown to other repositories', async () => {
    await using server = await temporaryRegistry()
    await repositoryClient(server.url, 'team/app').pushBlob(content)
    const got = await repositoryClient(server.url, 'other').request('GET', `blobs/${digest}`)
    expect([got.status, await errorCode(got)]).toEqual([404, 'BLOB_UNKNOWN'])
  })

  test('can be deleted, in its repository only', async () => {
    await using server = await temporaryRegistry()
    const [app, other] = [repositoryClient(server.url, 'team/app'), repositoryClient(server.url, 'other')]
    await app.pushBlob(content)
    await other.pushBlob(content)
    expect((await app.request('DELETE', `blobs/${digest}`)).status).toBe(202)
    expect((await app.request('HEAD', `blobs/${digest}`)).status).toBe(404)
    expect((await app.request('DELETE', `blobs/${digest}`)).status).toBe(404)
    expect(await (await other.request('GET', `blobs/${digest}`)).text()).toBe('0123456789')
  })

  test('cannot be deleted while a manifest needs it', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { layer } = await client.pushImage('v1', 'one')
    const refused = await client.request('DELETE', `blobs/${layer.digest}`)
    expect([refused.status, await errorCode(refused)]).toEqual([405, 'DENIED'])
    expect((await client.request('HEAD', `blobs/${layer.digest}`)).status).toBe(200)
  })
})

test.for(['sha256:ab', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'x'])('%s is not a digest', async (text) => {
  await using server = await temporaryRegistry()
  const got = await repositoryClient(server.url, 'team/app').request('GET', `blobs/${text}`)
  expect([got.status, await errorCode(got)]).toEqual([400, 'DIGEST_INVALID'])
})
