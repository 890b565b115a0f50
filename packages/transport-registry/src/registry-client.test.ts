import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { collect } from '@transload/contract'
import { expect, test } from 'vitest'

import { clientOf, openOptions, requestLines, startFakeRegistry, startTokenServer } from './fake-registry.test.kit.ts'
import { httpAnswer, startRawServer } from './http/raw-server.test.kit.ts'
import { RegistryClient, type ApiRequest } from './registry-client.ts'

const log = (): void => undefined
const credentials = async (): Promise<{ username: string; password: string }> => ({ username: 'u', password: 'p:w' })
const basic = `Basic ${Buffer.from('u:p:w').toString('base64')}`
const pull: ApiRequest = {
  method: 'GET',
  target: '/v2/a/blobs/x',
  access: { repository: 'a', actions: 'pull' },
  log,
}

test('the ping is sent once, and its failure is told', async () => {
  await using server = await startFakeRegistry(() => httpAnswer(200))
  await using client = clientOf(server)
  const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await client.request(pull)).status))
  expect(statuses).toEqual([200, 200, 200, 200, 200])
  expect(server.requests.filter(({ path }) => path === '/v2/').length).toBe(1)

  await using broken = await startRawServer(({ answer }) => answer(httpAnswer(500)))
  await using brokenClient = clientOf(broken)
  await expect(brokenClient.request(pull)).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: `pinging container registry ${broken.host}: received unexpected HTTP status: 500 Internal Server Error`,
  })
})

test('a server that is not there is not worth another try for each blob', async () => {
  const server = await startRawServer(() => undefined)
  await server[Symbol.asyncDispose]()
  await using client = clientOf(server)
  await expect(client.request(pull)).rejects.toMatchObject({ code: 'NETWORK', retryable: false })
})

test('what is prepared is what requests use', async () => {
  await using server = await startFakeRegistry(() => httpAnswer(200))
  await using client = clientOf(server)
  client.prepare(60, { log })
  expect((await client.request(pull)).status).toBe(200)
  await expect.poll(() => server.accepted).toBe(6)
  await Promise.all(Array.from({ length: 6 }, () => client.request(pull)))
  expect(server.accepted).toBe(6)
  expect(server.requests.map(({ path }) => path).filter((path) => path === '/v2/')).toEqual(['/v2/'])
})

test('preparing fails silently, and ends with the client', async () => {
  await using broken = await startRawServer(({ answer }) => answer(httpAnswer(500)))
  const client = clientOf(broken)
  client.prepare(60, { log })
  await expect.poll(() => broken.requests.length).toBe(1)
  await client[Symbol.asyncDispose]()
  await using silent = await startRawServer(() => undefined)
  const waiting = clientOf(silent)
  waiting.prepare(60, { log })
  await expect.poll(() => silent.requests.length).toBe(1)
  await waiting[Symbol.asyncDispose]()
  await expect.poll(() => silent.open).toBe(0)
})

test('without leave there is no plain http', async () => {
  await using server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  await using client = new RegistryClient(host, {})
  await expect(client.request(pull)).rejects.toMatchObject({
    code: 'TLS',
    message: `pinging container registry ${host}: Get "https://${host}/v2/": http: server gave HTTP response to HTTPS client`,
  })
})

test.each([
  ['with credentials', credentials, basic],
  ['without', async () => undefined, undefined],
])('Basic, %s', async (_, source, authorization) => {
  await using server = await startFakeRegistry(() => httpAnswer(200), 'Basic realm="x"')
  await using client = clientOf(server, { credentials: source })
  await client.request(pull)
  expect(server.requests.at(-1)!.headers['authorization']).toBe(authorization)
})

test('a bearer token is asked for once per scope, with what the challenge and the credentials say', async () => {
  await using tokens = await startTokenServer()
  await using registry = await startFakeRegistry(
    () => httpAnswer(200),
    `Bearer realm="${tokens.url.href}token?old=1",service="the service",scope="ignored"`,
  )
  await using client = clientOf(registry, { credentials })
  await Promise.all([client.request(pull), client.request(pull)])
  const push = { ...pull, access: { repository: 'a', actions: 'pull,push', alsoPull: 'b' } } as const
  await client.request(push)
  expect(requestLines(tokens)).toEqual([
    'GET /token?account=u&old=1&scope=repository%3Aa%3Apull&service=the+service',
    'GET /token?account=u&old=1&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull&service=the+service',
  ])
  expect(tokens.requests.map(({ headers }) => headers['authorization'])).toEqual([basic, basic])
  expect(registry.requests.slice(1).map(({ headers }) => headers['authorization'])).toEqual([
    'Bearer t1',
    'Bearer t1',
    'Bearer t2',
  ])
})

test('an identity token is exchanged by POST', async () => {
  const forms: string[] = []
  await using tokens = await startRawServer(async ({ readBody, answer }) => {
    forms.push((await readBody()).toString())
    answer(httpAnswer(200, {}, { access_token: 'short' }))
  })
  await using registry = await startFakeRegistry(() => httpAnswer(200), `Bearer realm="${tokens.url.href}",service="s"`)
  await using client = clientOf(registry, { credentials: async () => ({ identityToken: 'long' }) })
  await client.request(pull)
  expect(forms).toEqual([
    'service=s&scope=repository%3Aa%3Apull&grant_type=refresh_token&refresh_token=long&client_id=containers%2Fimage',
  ])
  expect(registry.requests.at(-1)!.headers['authorization']).toBe('Bearer short')
})

test('a registry token is used as it is', async () => {
  await using registry = await startFakeRegistry(() => httpAnswer(200), 'Bearer realm="http://127.0.0.1:1/"')
  await using client = clientOf(registry, { registryToken: 'given' })
  await client.request(pull)
  expect(registry.requests.at(-1)!.headers['authorization']).toBe('Bearer given')
})

test('a kept token that is refused is replaced, a new one is not', async () => {
  await using tokens = await startTokenServer()
  let good = ['Bearer t1']
  await using registry = await startFakeRegistry(
    ({ headers }) => httpAnswer(good.includes(headers['authorization'] ?? '') ? 200 : 401),
    `Bearer realm="${tokens.url.href}"`,
  )
  await using client = clientOf(registry)
  expect((await client.request(pull)).status).toBe(200)
  good = ['Bearer t2']
  const statuses = await Promise.all([client.request(pull), client.request(pull)])
  expect(statuses.map(({ status }) => status)).toEqual([200, 200])
  good = []
  expect((await client.request(pull)).status).toBe(401)
  expect(tokens.requests.length).toBe(3)
})

test('a stream that was refused because of a kept token may be sent again by whoever can', async () => {
  await using tokens = await startTokenServer()
  await using registry = await startFakeRegistry(
    ({ method }) => httpAnswer(method === 'PUT' ? 401 : 200),
    `Bearer realm="${tokens.url.href}"`,
  )
  await using client = clientOf(registry)
  await client.request(pull)
  const chunks = (async function* () {
    yield Buffer.from('x')
  })()
  const sending = client.request({ ...pull, method: 'PUT', body: { size: 1, chunks } })
  await expect(sending).rejects.toMatchObject({ code: 'UNAUTHENTICATED', retryable: true })
  await client.request(pull)
  expect(registry.requests.at(-1)!.headers['authorization']).toBe('Bearer t2')
})

test('a scope the registry asks for is added', async () => {
  await using tokens = await startTokenServer()
  const challenge = `Bearer realm="${tokens.url.href}"`
  await using registry = await startFakeRegistry(
    ({ headers }) =>
      headers['authorization'] === 'Bearer t2'
        ? httpAnswer(200)
        : httpAnswer(401, { 'WWW-Authenticate': `${challenge},error="insufficient_scope",scope="repository:z:pull"` }),
    challenge,
  )
  await using client = clientOf(registry)
  expect((await client.request(pull)).status).toBe(200)
  expect(requestLines(tokens).at(-1)).toBe('GET /?scope=repository%3Aa%3Apull&scope=repository%3Az%3Apull')
})

test('a registry that only asks later is answered then', async () => {
  await using registry = await startFakeRegistry(({ headers }) =>
    headers['authorization'] === basic ? httpAnswer(200) : httpAnswer(401, { 'WWW-Authenticate': 'Basic realm="x"' }),
  )
  await using client = clientOf(registry, { credentials })
  expect((await client.request(pull)).status).toBe(200)
  expect((await client.request(pull)).status).toBe(200)
  expect(requestLines(registry).length).toBe(3)
})

test.each([
  [401, 'UNAUTHENTICATED', 'unable to retrieve auth token: invalid username/password: authentication required'],
  [429, 'RATE_LIMITED', 'too many requests to registry'],
  [403, 'DENIED', 'Requesting bearer token: received unexpected HTTP status: 403 Forbidden'],
])('a token server that says %i', async (status, code, message) => {
  await using tokens = await startRawServer(({ answer }) => answer(httpAnswer(status)))
  await using registry = await startFakeRegistry(() => httpAnswer(200), `Bearer realm="${tokens.url.href}"`)
  await using client = clientOf(registry, { credentials })
  await expect(client.request(pull)).rejects.toMatchObject({ code, message })
  expect(requestLines(registry)).toEqual([])
})

test.each(['', '{"token":"a\\nb"}', '{"token":7}', `{"token":"${'x'.repeat(2_000_000)}"}`])(
  'a token that is none is refused: %.20s',
  async (body) => {
    await using tokens = await startRawServer(({ answer }) => answer(httpAnswer(200, {}, body)))
    await using registry = await startFakeRegistry(() => httpAnswer(200), `Bearer realm="${tokens.url.href}"`)
    await using client = clientOf(registry)
    await expect(client.request(pull)).rejects.toSatisfy(({ code }) => ['PROTOCOL', 'SIZE_LIMIT'].includes(code))
  },
)

test('credentials stay with the registry, whatever it redirects to', async () => {
  await using other = await startRawServer(({ answer }) => answer(httpAnswer(200, {}, 'bytes')))
  await using registry = await startFakeRegistry(
    ({ path }) =>
      path.endsWith('/x')
        ? httpAnswer(302, { Location: '/v2/a/blobs/y' })
        : httpAnswer(307, { Location: `${other.url.href}z?sig=1` }),
    'Basic realm="x"',
  )
  await using client = clientOf(registry, { credentials })
  const response = await client.request(pull)
  expect(Buffer.from(await collect(response.body)).toString()).toBe('bytes')
  expect(registry.requests.at(-1)!.headers['authorization']).toBe(basic)
  expect(other.requests[0]!.path).toBe('/z?sig=1')
  expect(Object.keys(other.requests[0]!.headers)).not.toContain('authorization')
})

test('nor do they go to another host that is to be asked directly', async () => {
  await using other = await startRawServer(({ answer }) =>
    answer(httpAnswer(401, { 'WWW-Authenticate': 'Basic realm="x"' })),
  )
  await using registry = await startFakeRegistry(() => httpAnswer(200), 'Basic realm="x"')
  await using client = clientOf(registry, { credentials })
  const request = { ...pull, method: 'PUT', target: new URL('/upload', other.url), body: Buffer.from('x') }
  expect((await client.request(request)).status).toBe(401)
  expect(other.requests.length).toBe(1)
  expect(Object.keys(other.requests[0]!.headers)).not.toContain('authorization')
})

test('each request is told, without queries and credentials', async () => {
  await using storage = await startRawServer(({ answer }) => answer(httpAnswer(200)))
  const location = `http://${storage.host}/blob?signature=s3cret`
  await using server = await startFakeRegistry(() => httpAnswer(307, { Location: location }), 'Basic realm="x"')
  await using client = clientOf(server, { credentials })
  const { log: listen, logged } = openOptions()
  await client.request({ ...pull, target: '/v2/a/blobs/x?q=s3cret', log: listen })
  expect(logged).toEqual([
    `debug GET http://${server.host}/v2/: 401`,
    `debug GET http://${server.host}/v2/a/blobs/x: 200 from ${storage.host}`,
  ])
})

test('redirects end', async () => {
  await using registry = await startFakeRegistry(() => httpAnswer(302, { Location: '/v2/again' }))
  await using client = clientOf(registry)
  await expect(client.request(pull)).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: expect.stringContaining('stopped after 10 redirects') as string,
  })
})

test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])(
  '%s is sent again when the registry is busy',
  async (method) => {
    const statuses = [429, 503, 200]
    await using registry = await startFakeRegistry(() => httpAnswer(statuses.shift()!, { 'Retry-After': '3' }))
    await using client = clientOf(registry)
    const body = method === 'GET' || method === 'HEAD' ? undefined : Buffer.from('body')
    expect((await client.request({ ...pull, method, body })).status).toBe(200)
    expect(client.waited).toEqual([3000, 3000])
  },
)

test('warnings are told once', async () => {
  const { log: listen, logged } = openOptions()
  await using registry = await startFakeRegistry(() => httpAnswer(200, { Warning: '299 - "be quick"' }))
  await using client = clientOf(registry)
  for (let count = 0; count < 2; count++) await client.request({ ...pull, log: listen })
  expect(logged.filter((line) => line.startsWith('warn'))).toEqual([
    `warn Warning from registry (first encountered at "${registry.url.href}v2/a/blobs/x"): "be quick"`,
  ])
})

test('an abort is prompt while pinging and while a token is fetched', async () => {
  await using silent = await startRawServer(() => undefined)
  await using registry = await startFakeRegistry(() => httpAnswer(200), `Bearer realm="${silent.url.href}"`)
  for (const server of [silent, registry]) {
    const controller = new AbortController()
    const reason = new Error('enough')
    await using client = clientOf(server)
    const asked = client.request({ ...pull, signal: controller.signal })
    await expect.poll(() => silent.requests.length).toBeGreaterThan(0)
    controller.abort(reason)
    await expect(asked).rejects.toBe(reason)
  }
})

/** Gives out t1, t2, … */

test('uploads that are refused at the same time for the size of their bodies lower the limit once', async () => {
  await using client = new RegistryClient('127.0.0.1:1', {})
  client.lowerMaxBodyBytes(40_000_000)
  client.lowerMaxBodyBytes(12_000_000)
  client.lowerMaxBodyBytes(30_000_000)
  expect(client.maxBodyBytes).toBe(10_000_000)
  client.lowerMaxBodyBytes(10_000_000)
  expect(client.maxBodyBytes).toBe(2_500_000)
})
