import { randomBytes } from 'node:crypto'

import { collect, digestOf, mediaTypes } from '@transload/contract'
import { expect, test } from 'vitest'

import { openDestination, outgoing } from './destination.test.kit.ts'
import { clientOf, openOptions, startFakeRegistry, startTokenServer } from './fake-registry.test.kit.ts'
import { httpAnswer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
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
  await using source = await openRegistrySource(client, reference, reference, openOptions())
  const read = await collect(source.readBlob({ mediaType: mediaTypes.ociLayer, digest, size: bytes.length }))
  expect(digestOf(read)).toBe(digest)
  expect(registry.requests.slice(-3).map(({ headers }) => [headers['range'], headers['authorization']])).toEqual([
    [undefined, 'Bearer t1'],
    ['bytes=2000000-', 'Bearer t1'],
    ['bytes=2000000-', 'Bearer t2'],
  ])
})
