import { digestOf, maxManifestBytes, mediaTypes } from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { errorCode, repositoryClient } from '../client.test.kit.ts'
import { temporaryRegistry } from '../registry.test.kit.ts'

describe('a manifest that was pushed', () => {
  test('comes back byte for byte by tag and by digest', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { digest, bytes, response } = await client.pushImage('v1', 'one')
    expect([response.status, response.headers.get('location')]).toEqual([201, `/v2/team/app/manifests/${digest}`])
    for (const reference of ['v1', digest]) {
      for (const method of ['GET', 'HEAD']) {
        const got = await client.request(method, `manifests/${reference}`, { headers: { accept: 'text/plain' } })
        expect(got.status).toBe(200)
        expect(Object.fromEntries(got.headers)).toMatchObject({
          'content-type': mediaTypes.ociManifest,
          'docker-content-digest': digest,
          'content-length': String(bytes.length),
        })
        expect(Buffer.from(await got.arrayBuffer())).toEqual(method === 'GET' ? bytes : Buffer.alloc(0))
      }
    }
  })

  test('by digest has no tag, and may be named by sha512', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { bytes } = await client.pushImage(undefined, 'one')
    const sha512 = digestOf(bytes, 'sha512')
    expect((await client.putManifest(sha512, bytes)).headers.get('docker-content-digest')).toBe(sha512)
    expect((await client.request('HEAD', `manifests/${sha512}`)).status).toBe(200)
    expect(await (await client.request('GET', 'tags/list')).json()).toEqual({ name: 'team/app', tags: [] })
  })

  test('may do without a Content-Type', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { bytes } = await client.pushImage(undefined, 'one')
    await client.request('PUT', 'manifests/v1', { body: bytes, headers: { 'content-type': '' } })
    const head = await client.request('HEAD', 'manifests/v1')
    expect(head.headers.get('content-type')).toBe(mediaTypes.ociManifest)
  })

  test('replaces what the tag was, which stays in the repository', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const one = await client.pushImage('v1', 'one')
    const two = await client.pushImage('v1', 'two')
    expect((await client.request('HEAD', 'manifests/v1')).headers.get('docker-content-digest')).toBe(two.digest)
    expect((await client.request('HEAD', `manifests/${one.digest}`)).status).toBe(200)
  })

  test('is unknown to other repositories', async () => {
    await using server = await temporaryRegistry()
    const { digest } = await repositoryClient(server.url, 'team/app').pushImage('v1', 'one')
    for (const reference of ['v1', digest]) {
      const got = await repositoryClient(server.url, 'other').request('GET', `manifests/${reference}`)
      expect([got.status, await errorCode(got)]).toEqual([404, 'MANIFEST_UNKNOWN'])
    }
  })

  test('makes its blobs part of the repository, and of no other', async () => {
    await using server = await temporaryRegistry()
    const { layer } = await repositoryClient(server.url, 'team/app').pushImage('v1', 'one')
    expect((await repositoryClient(server.url, 'team/app').request('HEAD', `blobs/${layer.digest}`)).status).toBe(200)
    expect((await repositoryClient(server.url, 'other').request('HEAD', `blobs/${layer.digest}`)).status).toBe(404)
  })
})

describe('an index', () => {
  test('serves its children, listed or not', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const child = await client.pushImage(undefined, 'one')
    const missing = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('not here')), size: 8 }
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ mediaType: mediaTypes.ociManifest, digest: child.digest, size: child.bytes.length }, missing],
    }
    const put = await client.putManifest('v1', index, mediaTypes.ociIndex)
    expect(put.status).toBe(201)
    expect((await client.request('HEAD', `manifests/${child.digest}`)).status).toBe(200)
    expect((await client.request('HEAD', `manifests/${missing.digest}`)).status).toBe(404)
    const refused = await client.request('DELETE', `manifests/${child.digest}`)
    expect([refused.status, await errorCode(refused)]).toEqual([405, 'DENIED'])
    expect((await client.request('DELETE', `manifests/${put.headers.get('docker-content-digest')}`)).status).toBe(202)
    expect((await client.request('DELETE', `manifests/${child.digest}`)).status).toBe(202)
    expect((await client.request('HEAD', `manifests/${child.digest}`)).status).toBe(404)
  })
})

describe('deleting', () => {
  test('a tag removes the tag only', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { digest } = await client.pushImage('v1', 'one')
    await client.pushImage('v2', 'one')
    expect((await client.request('DELETE', 'manifests/v1')).status).toBe(202)
    expect((await client.request('DELETE', 'manifests/v1')).status).toBe(404)
    expect(await (await client.request('GET', 'tags/list')).json()).toMatchObject({ tags: ['v2'] })
    expect((await client.request('DELETE', 'manifests/v2')).status).toBe(202)
    expect((await client.request('HEAD', `manifests/${digest}`)).status).toBe(200)
  })

  test('a manifest removes its tags; its blobs can be deleted then', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const { digest, layer } = await client.pushImage('v1', 'one')
    await client.pushImage('v2', 'one')
    expect((await client.request('DELETE', `manifests/${digest}`)).status).toBe(202)
    for (const reference of ['v1', 'v2', digest]) {
      expect((await client.request('HEAD', `manifests/${reference}`)).status).toBe(404)
    }
    expect((await client.request('DELETE', `blobs/${layer.digest}`)).status).toBe(202)
    expect((await client.request('HEAD', `blobs/${layer.digest}`)).status).toBe(404)
    expect((await client.pushImage('v1', 'one')).response.status).toBe(201)
  })

  test('a manifest leaves other repositories alone', async () => {
    await using server = await temporaryRegistry()
    const [app, other] = [repositoryClient(server.url, 'team/app'), repositoryClient(server.url, 'other')]
    const { digest } = await app.pushImage('v1', 'one')
    await other.pushImage('v1', 'one')
    expect((await app.request('DELETE', `manifests/${digest}`)).status).toBe(202)
    expect((await other.request('GET', 'manifests/v1')).status).toBe(200)
  })
})

const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(Buffer.from('nowhere')), size: 7 }
const foreign = { ...layer, mediaType: mediaTypes.ociForeignLayerGzip }
const elsewhere = { ...layer, urls: ['https://elsewhere.example/layer'] }

test.for([
  ['a missing layer', { layers: [layer] }, 404, 'MANIFEST_BLOB_UNKNOWN'],
  ['a missing config', { config: layer }, 404, 'MANIFEST_BLOB_UNKNOWN'],
  ['another media type inside', { mediaType: mediaTypes.ociIndex }, 400, 'MANIFEST_INVALID'],
  ['a list of manifests as well', { manifests: [] }, 400, 'MANIFEST_INVALID'],
  ['a layer that is no descriptor', { layers: [{ digest: 'x' }] }, 400, 'MANIFEST_INVALID'],
  ['a subject that is no descriptor', { subject: 'x' }, 400, 'MANIFEST_INVALID'],
] as const)('an image with %s is refused', async ([, part, status, code]) => {
  await using server = await temporaryRegistry()
  const { response } = await repositoryClient(server.url, 'team/app').pushImage('v1', 'one', part)
  expect([response.status, await errorCode(response)]).toEqual([status, code])
})

test.for([
  ['distributed elsewhere', foreign],
  ['with URLs', elsewhere],
] as const)('a layer %s may be missing', async ([, part]) => {
  await using server = await temporaryRegistry()
  const { response } = await repositoryClient(server.url, 'team/app').pushImage('v1', 'one', { layers: [part] })
  expect(response.status).toBe(201)
})

const schema1 = JSON.stringify({
  schemaVersion: 1,
  fsLayers: [{ blobSum: digestOf(Buffer.from('layer')) }],
  history: [{ v1Compatibility: JSON.stringify({ id: 'a'.repeat(64) }) }],
})

test.for([
  ['no JSON', 'v1', 'nonsense', mediaTypes.ociManifest, 400, 'MANIFEST_INVALID'],
  ['an unknown type', 'v1', '{}', 'application/json', 400, 'MANIFEST_INVALID'],
  ['Docker schema 1', 'v1', schema1, mediaTypes.dockerSchema1, 400, 'MANIFEST_INVALID'],
  ['Docker schema 1 under no name', 'v1', schema1, 'application/json', 400, 'MANIFEST_INVALID'],
  ['another digest', digestOf(Buffer.from('x')), '{}', mediaTypes.ociManifest, 400, 'DIGEST_INVALID'],
  ['a tag that is none', '-v1', '{}', mediaTypes.ociManifest, 400, 'TAG_INVALID'],
  ['more than 4 MiB', 'v1', ' '.repeat(maxManifestBytes + 1), mediaTypes.ociManifest, 413, 'SIZE_INVALID'],
] as const)('%s is refused', async ([, reference, body, type, status, code]) => {
  await using server = await temporaryRegistry()
  const response = await repositoryClient(server.url, 'team/app').putManifest(reference, Buffer.from(body), type)
  expect([response.status, await errorCode(response)]).toEqual([status, code])
})

test('a manifest with a subject says so', async () => {
  await using server = await temporaryRegistry()
  const client = repositoryClient(server.url, 'team/app')
  const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('absent')), size: 6 }
  const { response } = await client.pushImage(undefined, 'signature', { subject })
  expect(response.headers.get('oci-subject')).toBe(subject.digest)
})

test('images pushed at once are all there', async () => {
  await using server = await temporaryRegistry()
  const client = repositoryClient(server.url, 'team/app')
  const tags = Array.from({ length: 40 }, (_, index) => `v${100 + index}`)
  const pushed = await Promise.all(tags.map((tag) => client.pushImage(tag, tag)))
  expect(pushed.map(({ response }) => response.status)).toEqual(tags.map(() => 201))
  expect(await (await client.request('GET', 'tags/list')).json()).toEqual({ name: 'team/app', tags })
})
