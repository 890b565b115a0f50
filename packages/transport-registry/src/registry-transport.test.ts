import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf, mediaTypes, type Transport } from '@transload/contract'
import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage, fixtureLayer, storeImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { checkCredentials } from './check-credentials.ts'
import { openOptions, startFakeRegistry } from './fake-registry.test.kit.ts'
import { httpAnswer, loopbackCertificate } from './http/raw-server.test.kit.ts'
import { registryTransport } from './registry-transport.ts'

const image = fixtureImage({
  format: 'oci',
  layers: [fixtureLayer('one', 'gzip'), fixtureLayer('two', 'gzip')],
  label: 'x',
})
let directory: string
let certificate: { cert: string; key: string }
let server: RegistryServer

beforeAll(async () => {
  directory = await mkdtemp('/tmp/transport-registry-')
  certificate = await loopbackCertificate()
  server = await startRegistryServer({
    directory: join(directory, 'token'),
    tls: certificate,
    auth: { scheme: 'token', htpasswd: await htpasswdLine('user', 'password') },
  })
})

afterAll(async () => {
  await server.close()
  await rm(directory, { recursive: true })
})

test('over TLS and with tokens: written, mounted, listed, read and removed', async () => {
  await using transport = closing(
    registryTransport({
      certificates: async () => ({ ca: [certificate.cert] }),
      credentials: async () => ({ username: 'user', password: 'password' }),
    }),
  )
  const options = openOptions()
  const first = transport.parse(`//${server.host}/team/one:1`, '/')
  {
    await using destination = await transport.openDestination!(first, options)
    await storeImage(destination, image)
  }
  {
    await using destination = await transport.openDestination!(
      transport.parse(`//${server.host}/team/two:1`, '/'),
      options,
    )
    for (const { descriptor } of image.blobs) {
      expect(await destination.reuseBlob!(descriptor, { from: first, substitutes: false })).toEqual(descriptor)
    }
    await storeImage(destination, image)
  }
  const second = transport.parse(`//${server.host}/team/two`, '/')
  expect(await Array.fromAsync(transport.listTags!(second, options))).toEqual(['1'])
  await using source = await transport.openSource!(transport.parse(`//${server.host}/team/two:1`, '/'), options)
  expect((await source.readManifest(undefined)).digest).toBe(image.root.digest)
  await transport.removeImage!(first, options)
  await expect(transport.openSource!(first, options)).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
})

test.each([
  ['nobody', undefined, /^reading manifest 1 in .*: authentication required$|unable to retrieve auth token/],
  [
    'somebody else',
    { username: 'user', password: 'wrong' },
    /^unable to retrieve auth token: invalid username\/password: /,
  ],
])('%s is refused', async (_, credentials, message) => {
  await using transport = closing(registryTransport({ verifyTls: false, credentials: async () => credentials }))
  const opening = transport.openSource!(transport.parse(`//${server.host}/team/two:1`, '/'), openOptions())
  await expect(opening).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(message) as string,
  })
})

test('credentials are checked without a repository', async () => {
  const options = { verifyTls: false }
  await expect(
    checkCredentials(server.host, { username: 'user', password: 'password' }, options),
  ).resolves.toBeUndefined()
  await expect(checkCredentials(server.host, { username: 'user', password: 'wrong' }, options)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: `logging into "${server.host}": invalid username/password`,
  })
  await using other = await startFakeRegistry(() => undefined, 'Basic realm="x"')
  await expect(checkCredentials(other.host, { username: 'u', password: 'p' }, options)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  })
  await expect(checkCredentials(server.host, { username: 'u', password: 'p' })).rejects.toMatchObject({
    code: 'TLS',
    message: expect.stringContaining(`authenticating creds for "${server.host}": pinging container registry`) as string,
  })
})

test('tags come page by page, from the same host whatever a page says', async () => {
  const pages: Record<string, string> = {
    '/v2/a/tags/list': httpAnswer(
      200,
      { Link: '<https://evil.example/v2/a/tags/list?last=b>; rel="next"' },
      { tags: ['b', null, ''] },
    ),
    '/v2/a/tags/list?last=b': httpAnswer(200, {}, { tags: [digestOf(Buffer.from('')), 'a', 'a'] }),
  }
  await using registry = await startFakeRegistry(({ path }) => pages[path])
  await using transport = closing(registryTransport({ verifyTls: false }))
  const list = (name: string): AsyncIterable<string> =>
    transport.listTags!(transport.parse(`//${registry.host}/${name}`, '/'), openOptions())
  expect(await Array.fromAsync(list('a'))).toEqual(['b', 'a', 'a'])
  pages['/v2/a/tags/list'] = httpAnswer(200, {}, { tags: ['b b'] })
  await expect(Array.fromAsync(list('a'))).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: 'registry returned invalid tag "b b": invalid tag format',
  })
  pages['/v2/a/tags/list'] = httpAnswer(
    404,
    {},
    { errors: [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry', detail: {} }] },
  )
  await expect(Array.fromAsync(list('a'))).rejects.toMatchObject({
    code: 'NAME_UNKNOWN',
    message: 'fetching tags list: repository name not known to registry',
  })
  pages['/v2/a/tags/list'] = httpAnswer(200, { Link: '</v2/a/tags/list>' }, { tags: null })
  await expect(Array.fromAsync(list('a'))).rejects.toMatchObject({ code: 'PROTOCOL' })
})

test('removing deletes the manifest, and says what it cannot', async () => {
  const manifest = '{"schemaVersion":2,"config":{},"layers":[]}'
  let found = httpAnswer(200, { 'Content-Type': mediaTypes.ociManifest }, manifest)
  let deleted = httpAnswer(202)
  await using registry = await startFakeRegistry(({ method }) => (method === 'GET' ? found : deleted))
  await using transport = closing(registryTransport({ verifyTls: false }))
  const remove = (name = 'a:1'): Promise<void> =>
    transport.removeImage!(transport.parse(`//${registry.host}/${name}`, '/'), openOptions())
  await remove()
  expect(registry.requests.at(-1)).toMatchObject({
    method: 'DELETE',
    path: `/v2/a/manifests/${digestOf(Buffer.from(manifest))}`,
  })
  deleted = httpAnswer(405, {}, { errors: [{ code: 'UNSUPPORTED', message: 'The operation is unsupported.' }] })
  await expect(remove()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: `deleting ${registry.host}/a:1: unsupported`,
  })
  found = httpAnswer(404)
  await expect(remove()).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
    message: `Unable to delete ${registry.host}/a:1. Image may not exist or is not stored with a v2 Schema in a v2 registry`,
  })
  await expect(remove('a@@unknown-digest@@')).rejects.toThrow(
    'Docker reference without a tag or digest cannot be deleted',
  )
})

test.each([
  [{ verifyTLS: false }, 'docker transport: unknown option "verifyTLS"'],
  [{ verifyTls: 'no' }, 'docker transport: option verifyTls is not a boolean'],
])('options that make no sense: %j', (options, message) => {
  expect(() => registryTransport(options as object)).toThrow(message)
})

function closing<T extends Transport>(transport: T): T & AsyncDisposable {
  return Object.assign(transport, { [Symbol.asyncDispose]: async () => transport.close?.() })
}
