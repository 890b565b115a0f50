import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'

import { digestOf, mediaTypes, rawManifest, type TransloadError, type Transport } from '@transload/contract'
import { expect, test } from 'vitest'

import { openDestination, outgoing } from './destination.test.kit.ts'
import { createRegistryDestination } from './destination.ts'
import {
  openOptions,
  requestLines,
  startFakeRegistry,
  type Routes,
  withoutSignatures,
} from './fake-registry.test.kit.ts'
import { httpAnswer, startRawServer, type RawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { RegistryClient } from './registry-client.ts'
import { quirksOf } from './registry-quirks.ts'
import { registryTransport } from './registry-transport.ts'
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
  const reference = parseRegistryReference(`//${host}/a/a:1`)
  const destination = createRegistryDestination(client, reference, options, withoutSignatures(reference))
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

const manifest = rawManifest(Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}'), mediaTypes.ociManifest)

test.each([
  ['Amazon', 400, 'TAG_INVALID', "The image tag '1' already exists and cannot be overwritten because it is immutable."],
  ['Aliyun', 403, 'TAG_EXISTS', 'The requested tag already exists and cannot be overwritten.'],
  ['Harbor', 412, 'PRECONDITION', "Failed to process request due to 'a:1' configured as immutable."],
  ['Artifactory', 400, 'MANIFEST_INVALID', { description: 'HTTP 403 Forbidden' }],
  ['Nexus', 400, 'BLOB_UPLOAD_INVALID', 'Repository does not allow updating assets: docker-hosted'],
])('%s keeps a tag: it is said to be that, and no fault of the manifest', async (_, status, code, text) => {
  const message = typeof text === 'string' ? text : 'manifest invalid'
  await using opened = await openDestination(({ method }) =>
    method === 'PUT' ? httpAnswer(status, {}, { errors: [{ code, message, detail: text }] }) : httpAnswer(404),
  )
  await opened.destination.writeManifest(manifest, { root: true })
  await expect(opened.destination.commit()).rejects.toMatchObject({
    code: 'DENIED',
    status,
    serverCodes: ['DENIED'],
    message: expect.stringContaining(message) as string,
    hint: expect.stringContaining('write another') as string,
  })
  expect(requestLines(opened.server)).toEqual(['PUT /v2/a/manifests/1', 'HEAD /v2/a/manifests/1'])
})

test.each([
  ['the image', manifest.bytes, undefined],
  ['another', Buffer.from('{}'), 'DENIED'],
])('Amazon names no digest: an immutable tag is read to see that it names %s', async (_, bytes, problem) => {
  const message = "The image tag '1' already exists and cannot be overwritten because it is immutable."
  await using opened = await openDestination(({ method }) => {
    if (method === 'PUT') return httpAnswer(400, {}, { errors: [{ code: 'TAG_INVALID', message }] })
    const head = httpAnswer(200, { 'Content-Length': String(bytes.length) })
    return method === 'HEAD' ? head : head + Buffer.from(bytes).toString()
  })
  await opened.destination.writeManifest(manifest, { root: true })
  const outcome = await opened.destination.commit().catch((error: TransloadError) => error.code)
  expect(outcome).toBe(problem)
  const path = '/v2/a/manifests/1'
  expect(requestLines(opened.server)).toEqual([`PUT ${path}`, `HEAD ${path}`, `GET ${path}`])
})

test('Amazon calls a type of manifest it does not take bad JSON', async () => {
  const message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
  await using opened = await openDestination(() => httpAnswer(405, {}, { errors: [{ code: 'UNSUPPORTED', message }] }))
  await opened.destination.writeManifest(manifest, { root: true })
  await expect(opened.destination.commit()).rejects.toMatchObject({
    serverCodes: ['MANIFEST_INVALID'],
    message: `uploading manifest 1 to ${opened.server.host}/a: unsupported: ${message}`,
  })
})

test.each([
  ['Harbor', { errors: [{ code: 'NOT_FOUND', message: 'artifact a:1 not found' }] }],
  ['Red Hat', { errors: [{ code: 'UNKNOWN', message: 'Not Found' }] }],
])('%s does not say what it is that is not there', async (_, body) => {
  await using scene = await openScene(() => httpAnswer(404, {}, body))
  await expect(scene.transport.openSource!(scene.image('a:1'), openOptions())).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
  })
})

test('Docker Hub has errors without a code', async () => {
  await using scene = await openScene(() => httpAnswer(401, {}, { details: 'incorrect username or password' }))
  await expect(scene.transport.openSource!(scene.image('a:1'), openOptions())).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/incorrect username or password$/) as string,
  })
})

test.each([
  ['Artifactory', digestOf(blob)],
  ['Nexus', null],
])('%s lists what is no tag: %s', async (_, item) => {
  await using scene = await openScene(() => httpAnswer(200, {}, { tags: ['1', item, '2'] }))
  expect(await Array.fromAsync(scene.transport.listTags!(scene.image('a'), openOptions()))).toEqual(['1', '2'])
})

test('Nexus sends to a path of another port for more tags', async () => {
  await using scene = await openScene(({ path }) => {
    if (path.startsWith('/repository/')) return httpAnswer(400)
    if (path.endsWith('?last=1')) return httpAnswer(200, {}, { tags: ['2'] })
    const next = `http://${scene.server.host}/repository/hub-proxy/v2/a/tags/list?last=1`
    return httpAnswer(200, { Link: `<${next}>; rel="next"` }, { tags: ['1'] })
  })
  expect(await Array.fromAsync(scene.transport.listTags!(scene.image('a'), openOptions()))).toEqual(['1', '2'])
  expect(requestLines(scene.server)).toEqual(['GET /v2/a/tags/list', 'GET /v2/a/tags/list?last=1'])
})

test.each([
  ['small', blob.subarray(0, 1000)],
  ['large', blob],
])('Nexus refuses a %s blob that somebody else uploaded meanwhile: it is there', async (_, bytes) => {
  const detail = `docker-hosted/v2/-/blobs/${digestOf(bytes)} cannot be updated`
  const errors = [{ code: 'BLOB_UPLOAD_INVALID', message: 'blob upload invalid', detail }]
  let isThere = true
  await using opened = await openDestination(async ({ method, path, readBody }) => {
    if (method === 'POST') return httpAnswer(202, { Location: '/v2/a/blobs/uploads/1' })
    if (method === 'DELETE') return httpAnswer(204)
    if (path.includes('/uploads/')) {
      await readBody()
      return httpAnswer(400, {}, { errors })
    }
    return isThere ? `HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n` : httpAnswer(404)
  })
  await opened.destination.writeBlob(outgoing(bytes))
  expect(requestLines(opened.server).at(-1)).toBe(`HEAD /v2/a/blobs/${digestOf(bytes)}`)
  isThere = false
  await expect(opened.destination.writeBlob(outgoing(bytes))).rejects.toMatchObject({ status: 400 })
})

test.each([
  ['GitLab', 'container_registry', 'pull,delete'],
  ['Quay', 'quay.io', '*'],
])('%s deletes only for who asks for the right actions', async (_, service, actions) => {
  const scope = `repository:a:${actions}`
  await using tokens = await startRawServer(({ answer, path }) => {
    const isRight = new URLSearchParams(path.slice(2)).get('scope') === scope
    answer(isRight ? httpAnswer(200, {}, { token: 'may-delete' }) : httpAnswer(400))
  })
  await using scene = await openScene(({ method, headers }) => {
    if (headers['authorization'] !== 'Bearer may-delete') return httpAnswer(401)
    return method === 'DELETE' ? httpAnswer(202) : httpAnswer(200, {}, manifest.bytes.toString())
  }, `Bearer realm="${tokens.url.href}",service="${service}"`)
  await scene.transport.removeImage!(scene.image('a:1'), openOptions())
  expect(requestLines(scene.server)).toEqual(['GET /v2/a/manifests/1', `DELETE /v2/a/manifests/${manifest.digest}`])
})

test('Google has no challenge but in the ping', async () => {
  await using tokens = await startRawServer(({ answer }) => answer(httpAnswer(200, {}, { token: 't' })))
  await using scene = await openScene(
    ({ headers }) => (headers['authorization'] === 'Bearer t' ? httpAnswer(200, {}, { tags: ['1'] }) : httpAnswer(401)),
    `Bearer realm="${tokens.url.href}",service="gcr.io"`,
  )
  expect(await Array.fromAsync(scene.transport.listTags!(scene.image('a'), openOptions()))).toEqual(['1'])
  expect(requestLines(scene.server)).toHaveLength(1)
})

interface Scene extends AsyncDisposable {
  readonly server: RawServer
  readonly transport: Transport
  readonly image: (name: string) => ReturnType<Transport['parse']>
}

async function openScene(routes: Routes, challenge?: string): Promise<Scene> {
  const server = await startFakeRegistry(routes, challenge)
  const transport = registryTransport({ verifyTls: false })
  return {
    server,
    transport,
    image: (name) => transport.parse(`//${server.host}/${name}`, '/'),
    async [Symbol.asyncDispose]() {
      await transport.close?.()
      await server[Symbol.asyncDispose]()
    },
  }
}
