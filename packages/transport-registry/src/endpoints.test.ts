import { parseDockerReference, type DockerReference } from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterEach, expect, test } from 'vitest'

import { openOptions, requestLines, startFakeRegistry } from './fake-registry.test.kit.ts'
import { httpAnswer, type RawServer } from './http/raw-server.test.kit.ts'
import type { CredentialScope, RegistryEndpoint, RegistryTransportOptions } from './options.ts'
import { registryTransport } from './registry-transport.ts'

const image = fixtureImage()
const manifest = new TextDecoder().decode(image.root.bytes)
let servers: RawServer[] = []

afterEach(async () => {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
  servers = []
})

/** Has the image as `app:1`, under whatever path, or nothing. */
async function start(has: 'image' | 'nothing', challenge?: string): Promise<RawServer> {
  const server = await startFakeRegistry(
    ({ path }) =>
      has === 'image' && /\/app\/(?:manifests\/|tags\/)/.test(path)
        ? path.endsWith('/tags/list')
          ? httpAnswer(200, {}, '{"tags":["1"]}')
          : httpAnswer(200, { 'Content-Type': image.root.mediaType }, manifest)
        : httpAnswer(404),
    challenge,
  )
  servers.push(server)
  return server
}

function at(name: string, more: Omit<RegistryEndpoint, 'reference'> = { insecure: true }): RegistryEndpoint {
  return { reference: parseDockerReference(name), ...more }
}

/** Opens `user.test/team/app:1`, which is nowhere but at the endpoints. */
async function openAt(
  endpoints: readonly RegistryEndpoint[],
  more: RegistryTransportOptions = {},
  name = '//user.test/team/app:1',
): Promise<string | undefined> {
  const transport = registryTransport({ endpoints: async () => endpoints, ...more })
  try {
    await using source = await transport.openSource!(transport.parse(name, '/'), openOptions())
    return source.reference.name
  } finally {
    await transport.close()
  }
}

test('the first endpoint that has the manifest serves the image, which keeps its name', async () => {
  const [empty, full, unused] = [await start('nothing'), await start('image'), await start('image')]
  const endpoints = [at(`${empty.host}/a/app:1`), at(`${full.host}/b/app:1`), at(`${unused.host}/c/app:1`)]
  expect(await openAt(endpoints)).toBe('user.test/team/app:1')
  expect(requestLines(empty)).toEqual(['GET /v2/a/app/manifests/1'])
  expect(requestLines(full)).toEqual(['GET /v2/b/app/manifests/1'])
  expect(unused.requests).toEqual([])
})

test('one endpoint fails with its own error, several with all of them', async () => {
  const [empty, other] = [await start('nothing'), await start('nothing')]
  await expect(openAt([at(`${empty.host}/app:1`)])).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
    message: expect.stringMatching(/^reading manifest 1 in /) as string,
  })
  const blocked = at('127.0.0.1:1/x/app:1', { blocked: 'registry 127.0.0.1:1 is blocked in F or D' })
  await expect(openAt([blocked, at(`${other.host}/app:1`), at(`${empty.host}/app:1`)])).rejects.toMatchObject({
    code: 'MANIFEST_UNKNOWN',
    message: expect.stringMatching(
      new RegExp(
        `^\\(Mirrors also failed: \\[127\\.0\\.0\\.1:1/x/app:1: registry 127\\.0\\.0\\.1:1 is blocked in F or D\\]\\n` +
          `\\[${other.host}/app:1: reading manifest 1 in ${other.host}/app: .*\\]\\): ${empty.host}/app:1: reading manifest `,
      ),
    ) as string,
  })
})

test('an insecure endpoint may speak plain http, unless TLS is asked for', async () => {
  const server = await start('image')
  const secure = at(`${server.host}/app:1`, {})
  const refusal = 'server gave HTTP response to HTTPS client'
  await expect(openAt([secure])).rejects.toThrow(refusal)
  expect(await openAt([secure], { verifyTls: false })).toBeDefined()
  await expect(openAt([at(`${server.host}/app:1`)], { verifyTls: true })).rejects.toThrow(refusal)
})

test('what is meant for the host of the name is not given to another', async () => {
  const server = await start('image', 'Basic realm="x"')
  const asked: CredentialScope[] = []
  const credentials = async (scope: CredentialScope): Promise<{ username: string; password: string }> => {
    asked.push(scope)
    return { username: 'u', password: 'p' }
  }
  await openAt([at(`${server.host}/b/app:1`)], { credentials })
  await openAt([at(`${server.host}/b/app:1`)], { credentials }, `//${server.host}/a/app:1`)
  expect(asked).toEqual([
    { host: server.host, repository: 'b/app', isSubstitute: true },
    { host: server.host, repository: 'b/app' },
  ])
})

test('the token of the user goes to the host of the name only', async () => {
  const server = await start('image', 'Bearer realm="http://127.0.0.1:1/token"')
  const registryToken = 'secret'
  await expect(openAt([at(`${server.host}/app:1`)], { registryToken })).rejects.toThrow('127.0.0.1:1')
  expect(await openAt([at(`${server.host}/app:1`)], { registryToken }, `//${server.host}/x/app:1`)).toBeDefined()
  expect(server.requests.map(({ headers }) => headers['authorization']).filter(Boolean)).toEqual(['Bearer secret'])
})

test('everything but reading uses the one endpoint of that kind', async () => {
  const server = await start('image')
  const uses: [DockerReference, string][] = []
  const transport = registryTransport({
    endpoints: async (reference, use) => {
      uses.push([reference, use])
      return use === 'manage' ? [{ reference, insecure: true }] : []
    },
  })
  const reference = transport.parse(`//${server.host}/app:1`, '/')
  expect(await Array.fromAsync(transport.listTags!(reference, openOptions()))).toEqual(['1'])
  await using destination = await transport.openDestination!(reference, openOptions())
  expect(destination.reference).toEqual(reference)
  expect(uses.map(([{ domain, path, tag }, use]) => [domain, path, tag, use])).toEqual([
    [server.host, 'app', '1', 'manage'],
    [server.host, 'app', '1', 'manage'],
  ])
  await expect(transport.openSource!(reference, openOptions())).rejects.toThrow('there is no endpoint for it')
  await transport.close()
})

test('a blocked name can be neither read nor written', async () => {
  const blocked = 'registry user.test is blocked in F or D'
  const transport = registryTransport({ endpoints: async (reference) => [{ reference, blocked }] })
  const reference = transport.parse('//user.test/app:1', '/')
  transport.prepareDestination!(reference, openOptions())
  for (const operation of ['openSource', 'openDestination', 'removeImage'] as const) {
    await expect(transport[operation]!(reference, openOptions())).rejects.toMatchObject({
      code: 'DENIED',
      message: blocked,
    })
  }
  await expect(Array.fromAsync(transport.listTags!(reference, openOptions()))).rejects.toThrow(blocked)
  await transport.close()
})

test('an abort is not the failure of a mirror', async () => {
  const controller = new AbortController()
  const transport = registryTransport({
    endpoints: async () => {
      controller.abort(new Error('enough'))
      return [at('127.0.0.1:1/a:1'), at('127.0.0.1:1/b:1')]
    },
  })
  const opening = transport.openSource!(transport.parse('//user.test/app:1', '/'), {
    ...openOptions(),
    signal: controller.signal,
  })
  await expect(opening).rejects.toThrow(/^enough$/)
  await transport.close()
})
