import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import { digestOf, mediaTypes, rawManifest } from '@transload/contract'
import { expect, test } from 'vitest'

import { descriptorOf, openDestination, outgoing } from './destination.test.kit.ts'
import { requestLines } from './fake-registry.test.kit.ts'
import { httpAnswer, startRawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'

const small = randomBytes(1000)
const large = randomBytes(2_000_000)
const manifest = rawManifest(Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}'), mediaTypes.ociManifest)
const uploads = '/v2/a/blobs/uploads/'
const started = httpAnswer(202, { Location: `${uploads}u1?state=x%2Fy` })
const put = (bytes: Buffer): string => `PUT ${uploads}u1?state=x%2Fy&digest=${encodeURIComponent(digestOf(bytes))}`

test.each([
  ['small', small],
  ['large', large],
])('a %s blob of known digest takes two requests', async (_, bytes) => {
  let received: Buffer | undefined
  await using opened = await openDestination(async ({ method, readBody }) => {
    if (method === 'POST') return started
    received = await readBody()
    return httpAnswer(201)
  })
  await opened.destination.writeBlob(outgoing(bytes))
  expect(requestLines(opened.server)).toEqual([`POST ${uploads}`, put(bytes)])
  expect(received?.equals(bytes)).toBe(true)
  const { headers } = opened.server.requests.at(-1)!
  expect(headers).toMatchObject({ 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) })
  expect(opened.options.remembered).toEqual([`${opened.server.host} a ${digestOf(bytes)}`])
})

test('a blob whose digest comes last is sent first', async () => {
  await using opened = await openDestination(async ({ method, headers, readBody }) => {
    if (method === 'POST') return started
    if (method === 'PUT') return httpAnswer(201)
    expect(headers['transfer-encoding']).toBe('chunked')
    expect((await readBody()).length).toBeGreaterThan(small.length)
    return httpAnswer(202, { Location: `${uploads}u2` })
  })
  await opened.destination.writeBlob({ ...outgoing(small), digest: undefined, size: undefined })
  expect(requestLines(opened.server)).toEqual([
    `POST ${uploads}`,
    `PATCH ${uploads}u1?state=x%2Fy`,
    `PUT ${uploads}u2?digest=${encodeURIComponent(digestOf(small))}`,
  ])
})

test.each([
  ['small', small],
  ['large', large],
])('content that turns out wrong after the last byte is never all sent: %s', async (_, bytes) => {
  const problem = new Error('wrong after all')
  let received = 0
  await using opened = await openDestination(async ({ method, readBody }) => {
    if (method === 'POST') return started
    if (method === 'DELETE') return httpAnswer(204)
    received = (await readBody()).length
    return undefined
  })
  const { destination, server } = opened
  await expect(destination.writeBlob(outgoing(bytes, problem))).rejects.toBe(problem)
  await opened.client[Symbol.asyncDispose]()
  expect(requestLines(server).at(-1)).toBe(`DELETE ${uploads}u1?state=x%2Fy`)
  expect(received).toBeLessThan(bytes.length)
})

test.each([
  [401, 'UNAUTHENTICATED', false],
  [400, 'PROTOCOL', false],
  [429, 'RATE_LIMITED', true],
  [503, 'UNAVAILABLE', true],
])('a %i while a blob is sent ends it', async (status, code, retryable) => {
  await using opened = await openDestination(({ method }) => {
    if (method === 'POST') return started
    return httpAnswer(method === 'PUT' ? status : 204)
  })
  await expect(opened.destination.writeBlob(outgoing(large))).rejects.toMatchObject({ code, status, retryable })
  await opened.client[Symbol.asyncDispose]()
  expect(requestLines(opened.server).at(-1)).toBe(`DELETE ${uploads}u1?state=x%2Fy`)
})

test('a small blob is sent again; if the registry had it after all, that is success', async () => {
  let puts = 0
  await using opened = await openDestination(({ method, socket }) => {
    if (method === 'POST') return started
    if (method === 'HEAD') return `HTTP/1.1 200 OK\r\nContent-Length: ${small.length}\r\n\r\n`
    if (++puts > 1) return httpAnswer(404, {}, { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN', message: '' }] })
    socket.destroy()
    return undefined
  })
  await opened.destination.writeBlob(outgoing(small))
  expect(requestLines(opened.server)).toEqual([
    `POST ${uploads}`,
    put(small),
    put(small),
    `HEAD /v2/a/blobs/${digestOf(small)}`,
  ])
})

test('an upload that continues on another host takes no credentials there', async () => {
  await using other = await startRawServer(async ({ readBody, answer }) => {
    await readBody()
    answer(httpAnswer(201))
  })
  await using opened = await openDestination(
    () => httpAnswer(202, { Location: `${other.url.href}store?signature=1` }),
    { credentials: async () => ({ username: 'u', password: 'p' }) },
    'Basic realm="x"',
  )
  await opened.destination.writeBlob(outgoing(large))
  expect(opened.server.requests.at(-1)!.headers['authorization']).toBeDefined()
  expect(other.requests.map(({ method }) => method)).toEqual(['PUT'])
  expect(Object.keys(other.requests[0]!.headers)).not.toContain('authorization')
})

test('a blob that is there is reused, and asked for once', async () => {
  await using opened = await openDestination(() => `HTTP/1.1 200 OK\r\nContent-Length: ${small.length}\r\n\r\n`)
  const { destination, server } = opened
  const from = parseRegistryReference('//elsewhere.example/x:1')
  const blob = descriptorOf(small)
  expect(await destination.reuseBlob!(blob, { from, substitutes: false })).toEqual(blob)
  expect(await destination.reuseBlob!(blob, { from, substitutes: false })).toEqual(blob)
  expect(requestLines(server)).toEqual([`HEAD /v2/a/blobs/${blob.digest}`])
})

test.each([
  ['of another size', `HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n`],
  ['absent', httpAnswer(404)],
])('a blob that is %s is not reused', async (_, answer) => {
  await using opened = await openDestination(() => answer.replace('\r\nContent-Length: 0', ''))
  const from = parseRegistryReference('//elsewhere.example/x:1')
  expect(await opened.destination.reuseBlob!(descriptorOf(small), { from, substitutes: false })).toBeUndefined()
})

test('not being allowed to ask is an error', async () => {
  await using opened = await openDestination(() => 'HTTP/1.1 403 Forbidden\r\n\r\n')
  const from = parseRegistryReference('//elsewhere.example/x:1')
  const blob = descriptorOf(small)
  await expect(opened.destination.reuseBlob!(blob, { from, substitutes: false })).rejects.toMatchObject({
    code: 'DENIED',
    message: `checking whether a blob ${blob.digest} exists in ${opened.server.host}/a: StatusCode: 403, ""`,
  })
})

test('from the same registry the first request is the mount', async () => {
  await using opened = await openDestination(() => httpAnswer(201))
  const { destination, server } = opened
  const from = parseRegistryReference(`//${server.host}/other/repo:1`)
  const blob = descriptorOf(small)
  expect(await destination.reuseBlob!(blob, { from, substitutes: false })).toEqual(blob)
  expect(requestLines(server)).toEqual([`POST ${uploads}?mount=${encodeURIComponent(blob.digest)}&from=other%2Frepo`])
})

test('another blob with the same content takes the place of one the registry does not have', async () => {
  const [known, lost, zstd] = [
    descriptorOf(large),
    descriptorOf(Buffer.from('lost')),
    descriptorOf(Buffer.from('zstd')),
  ]
  await using opened = await openDestination(({ method, path }) => {
    if (method === 'POST') return path.includes('from=team%2Fknown') ? httpAnswer(201) : httpAnswer(404)
    return path.endsWith(known.digest)
      ? `HTTP/1.1 200 OK\r\nContent-Length: ${known.size}\r\n\r\n`
      : 'HTTP/1.1 404 Not Found\r\n\r\n'
  })
  const { destination, server, options } = opened
  const annotations = { about: 'the table of contents' }
  options.cache.substitutes = async () => [
    { digest: zstd.digest, compression: 'zstd', location: 'team/known' },
    { digest: lost.digest, compression: 'gzip', location: 'team/lost' },
    { digest: known.digest, compression: 'gzip', annotations, location: 'team/known' },
  ]
  const blob = descriptorOf(small)
  const reuse = { from: parseRegistryReference('//elsewhere/b:1'), compressions: ['gzip'] }
  expect(await destination.reuseBlob!(blob, { ...reuse, substitutes: false })).toBeUndefined()
  const found = await destination.reuseBlob!(blob, { ...reuse, substitutes: true })
  expect(found).toMatchObject({ digest: known.digest, size: known.size, compression: 'gzip', annotations })
  expect(options.remembered).toContain(`${server.host} a ${known.digest}`)
})

test('a registry that opens an upload in place of mounting gets the blob there', async () => {
  await using opened = await openDestination(({ method }) => {
    if (method === 'HEAD') return 'HTTP/1.1 404 Not Found\r\n\r\n'
    return method === 'POST' ? started : httpAnswer(201)
  })
  const { destination, server } = opened
  const from = parseRegistryReference(`//${server.host}/other:1`)
  const blob = descriptorOf(small)
  expect(await destination.reuseBlob!(blob, { from, substitutes: false })).toBeUndefined()
  await destination.writeBlob(outgoing(small))
  expect(requestLines(server).slice(1)).toEqual([`HEAD /v2/a/blobs/${blob.digest}`, put(small)])
})

test('other places that had the blob are tried, five of them, and what that opened is cancelled', async () => {
  await using opened = await openDestination(
    ({ method, path }) => {
      if (method === 'HEAD') return 'HTTP/1.1 404 Not Found\r\n\r\n'
      if (method === 'DELETE') return httpAnswer(204)
      return path.endsWith('r5') ? httpAnswer(201) : httpAnswer(202, { Location: path.replace('?', 'from?') })
    },
    {},
    undefined,
    ['r1', 'a', 'r2', 'r3', 'r4', 'r5', 'r6'],
  )
  const { destination, server, client } = opened
  const from = parseRegistryReference('//elsewhere.example/x:1')
  expect(await destination.reuseBlob!(descriptorOf(small), { from, substitutes: false })).toBeDefined()
  await destination[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
  const lines = requestLines(server)
  expect(lines.filter((line) => line.startsWith('POST')).length).toBe(5)
  expect(lines.filter((line) => line.startsWith('DELETE')).length).toBe(4)
})

test('the root manifest is put under its tag by commit, others at once under their digest', async () => {
  await using opened = await openDestination(() => httpAnswer(201))
  const { destination, server } = opened
  const root = rawManifest(Buffer.from('{"schemaVersion":2,"manifests":[]}'), mediaTypes.ociIndex)
  await destination.writeManifest(manifest, { root: false })
  await destination.writeManifest(root, { root: true })
  expect(requestLines(server)).toEqual([`PUT /v2/a/manifests/${manifest.digest}`])
  await destination.commit()
  expect(requestLines(server).slice(1)).toEqual(['PUT /v2/a/manifests/1'])
  expect(server.requests.at(-1)!.headers['content-type']).toBe(mediaTypes.ociIndex)
})

test('what has no tag is put under its digest', async () => {
  await using opened = await openDestination(() => httpAnswer(201), {}, undefined, [], 'a@@unknown-digest@@')
  await opened.destination.writeManifest(manifest, { root: true })
  await opened.destination.commit()
  expect(requestLines(opened.server)).toEqual([`PUT /v2/a/manifests/${manifest.digest}`])
})

test.each([
  ['Amazon', 400, 'TAG_INVALID'],
  ['Harbor', 412, 'PRECONDITION'],
  ['Quay', 409, 'TAG_ALREADY_EXISTS'],
])('%s refuses to write an immutable tag again: success if it names the image', async (_, status, code) => {
  let digest: string = manifest.digest
  await using opened = await openDestination(({ method }) =>
    method === 'PUT'
      ? httpAnswer(status, {}, { errors: [{ code, message: 'immutable' }] })
      : `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nDocker-Content-Digest: ${digest}\r\n\r\n`,
  )
  const { destination, server } = opened
  await destination.writeManifest(manifest, { root: true })
  await destination.commit()
  expect(requestLines(server)).toEqual(['PUT /v2/a/manifests/1', 'HEAD /v2/a/manifests/1'])
  digest = digestOf(small)
  await expect(destination.commit()).rejects.toMatchObject({ status })
})

test.each([
  ['names it already: nothing is put', manifest.digest, ['HEAD /v2/a/manifests/1']],
  ['names another: it is', digestOf(small), ['HEAD /v2/a/manifests/1', 'PUT /v2/a/manifests/1']],
])('where the blobs were there, and the tag %s', async (_, named, lines) => {
  await using opened = await openDestination(({ method, path }) => {
    if (method === 'PUT') return httpAnswer(201)
    const digest = path.includes('/manifests/') ? `Docker-Content-Digest: ${named}\r\n` : ''
    return `HTTP/1.1 200 OK\r\nContent-Length: ${small.length}\r\n${digest}\r\n`
  })
  const { destination, server } = opened
  const from = parseRegistryReference('//elsewhere.example/x:1')
  await destination.reuseBlob!(descriptorOf(small), { from, substitutes: false })
  await destination.writeManifest(manifest, { root: true })
  await destination.commit()
  expect(requestLines(server).slice(1)).toEqual(lines)
})

test('another manifest than the reference names is refused', async () => {
  const name = `a@${digestOf(Buffer.from('other'))}`
  await using opened = await openDestination(() => httpAnswer(201), {}, undefined, [], name)
  const writing = opened.destination.writeManifest(manifest, { root: true })
  await expect(writing).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('a manifest the registry does not take says why', async () => {
  const errors = [{ code: 'MANIFEST_INVALID', message: 'manifest invalid', detail: 'so' }]
  await using opened = await openDestination(() => httpAnswer(400, {}, { errors }))
  await opened.destination.writeManifest(manifest, { root: true })
  await expect(opened.destination.commit()).rejects.toMatchObject({
    code: 'PROTOCOL',
    serverCodes: ['MANIFEST_INVALID'],
    message: `uploading manifest 1 to ${opened.server.host}/a: manifest invalid`,
  })
})

test('an abort ends an upload with its reason', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  await using opened = await openDestination(({ method }) => (method === 'POST' ? started : undefined))
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let count = 0; ; count++) {
      if (count === 10) controller.abort(reason)
      yield Buffer.alloc(70_000)
      await setImmediate()
    }
  }
  const blob = { ...outgoing(large), size: 1e9, body: endless() }
  await expect(opened.destination.writeBlob(blob, { signal: controller.signal })).rejects.toBe(reason)
})

test('an upload that the registry opens after an abort is cancelled', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const answered = Promise.withResolvers<void>()
  await using opened = await openDestination(async ({ method }) => {
    if (method !== 'POST') return httpAnswer(204)
    controller.abort(reason)
    await answered.promise
    return started
  })
  await expect(opened.destination.writeBlob(outgoing(small), { signal: controller.signal })).rejects.toBe(reason)
  answered.resolve()
  await opened.client[Symbol.asyncDispose]()
  expect(requestLines(opened.server)).toEqual([`POST ${uploads}`, `DELETE ${uploads}u1?state=x%2Fy`])
})
