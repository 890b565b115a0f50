import { describe, expect, test } from 'vitest'

import { errorCode, repositoryClient } from '../client.test.kit.ts'
import type { RegistryAuth } from '../options.ts'
import { temporaryRegistry } from '../registry.test.kit.ts'
import type { RegistryServer } from '../server.ts'
import { htpasswdLine } from './htpasswd.ts'

const htpasswd = (await htpasswdLine('alice', 'sesam', 4)) + (await htpasswdLine('bob', 'sesam', 4))
const alice = basic('alice', 'sesam')
const bob = basic('bob', 'sesam')

/** A registry where bob may only pull, with whatever else `auth` says. */
async function registryFor(auth: Partial<RegistryAuth> = {}): Promise<RegistryServer> {
  return await temporaryRegistry({
    auth: { htpasswd, permits: (user, action) => user !== 'bob' || action === 'pull', ...auth },
  })
}

describe('basic', () => {
  test('asks who it is', async () => {
    await using registry = await registryFor()
    const { url } = registry
    for (const headers of [
      {},
      basic('alice', 'wrong'),
      basic('carol', 'sesam'),
      basic('', ''),
      { authorization: 'Basic !' },
    ]) {
      const got = await fetch(`${url}/v2/`, { headers })
      expect([got.status, got.headers.get('www-authenticate'), await errorCode(got)]).toEqual([
        401,
        'Basic realm="transload registry", charset="UTF-8"',
        'UNAUTHORIZED',
      ])
    }
    expect((await fetch(`${url}/v2/`, { headers: alice })).status).toBe(200)
  })

  test('lets everybody do what is permitted', async () => {
    await using registry = await registryFor()
    const { url } = registry
    const { digest, layer } = await repositoryClient(url, 'a', alice).pushImage('v1', 'one')
    const client = repositoryClient(url, 'a', bob)
    expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
    expect((await client.request('GET', `blobs/${layer.digest}`)).status).toBe(200)
    for (const [method, path] of [
      ['POST', 'blobs/uploads/'],
      ['PUT', 'manifests/v1'],
      ['DELETE', `manifests/${digest}`],
    ] as const) {
      const refused = await client.request(method, path)
      expect([refused.status, await errorCode(refused)]).toEqual([403, 'DENIED'])
    }
  })

  test('lets anybody pull where that is allowed, and nothing else', async () => {
    await using registry = await registryFor({ anonymousPull: true })
    const { url } = registry
    await repositoryClient(url, 'a', alice).pushImage('v1', 'one')
    for (const headers of [{}, basic('', '')]) {
      const client = repositoryClient(url, 'a', headers)
      expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
      expect((await client.request('POST', 'blobs/uploads/')).status).toBe(401)
      expect((await client.request('GET', '/v2/')).status).toBe(401)
    }
    expect((await repositoryClient(url, 'a', basic('alice', 'wrong')).request('GET', 'manifests/v1')).status).toBe(401)
  })

  test('has no token service', async () => {
    await using registry = await registryFor()
    expect((await fetch(`${registry.url}/token`)).status).toBe(404)
  })
})

describe('token', () => {
  test('is asked for, with what it needs', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    const { host } = new URL(url)
    for (const [method, path, scope] of [
      ['GET', '/v2/', ''],
      ['GET', '/v2/a/manifests/v1', ',scope="repository:a:pull"'],
      ['POST', '/v2/a/b/blobs/uploads/', ',scope="repository:a/b:pull,push"'],
      ['DELETE', '/v2/a/manifests/v1', ',scope="repository:a:delete"'],
      ['GET', '/v2/_catalog', ',scope="registry:catalog:*"'],
    ] as const) {
      const got = await fetch(`${url}${path}`, { method })
      const challenge = `Bearer realm="${url}/token",service="${host}"${scope}`
      expect([got.status, got.headers.get('www-authenticate')]).toEqual([401, challenge])
    }
  })

  test('opens what was asked for and nothing else', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    const pushing = await bearer(url, 'scope=repository:a:pull,push', alice)
    await repositoryClient(url, 'a', pushing).pushImage('v1', 'one')
    const elsewhere = await repositoryClient(url, 'b', pushing).request('GET', 'tags/list')
    expect([elsewhere.status, elsewhere.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining(',scope="repository:b:pull",error="insufficient_scope"'),
    ])
    const several = await bearer(url, 'scope=repository:a:pull&scope=repository:b:pull,push', alice)
    const mounted = await repositoryClient(url, 'b', several).request(
      'POST',
      `blobs/uploads/?mount=sha256:${'0'.repeat(64)}`,
    )
    expect(mounted.status).toBe(202)
  })

  test('grants no more than is permitted', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    await repositoryClient(url, 'a', await bearer(url, 'scope=repository:a:pull,push', alice)).pushImage('v1', 'one')
    const client = repositoryClient(url, 'a', await bearer(url, 'scope=repository:a:pull,push', bob))
    expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
    expect((await client.request('POST', 'blobs/uploads/')).status).toBe(401)
  })

  test('mounts only from where the client may pull', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    const { layer } = await repositoryClient(
      url,
      'a',
      await bearer(url, 'scope=repository:a:pull,push', alice),
    ).pushImage('v1', 'one')
    for (const [scope, query, status] of [
      ['scope=repository:b:pull,push', '&from=a', 202],
      ['scope=repository:b:pull,push', '', 202],
      ['scope=repository:b:pull,push&scope=repository:a:pull', '&from=a', 201],
    ] as const) {
      const client = repositoryClient(url, 'b', await bearer(url, scope, alice))
      const post = await client.request('POST', `blobs/uploads/?mount=${layer.digest}${query}`)
      expect(post.status).toBe(status)
    }
  })

  test('is refused to who cannot say who they are', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    for (const headers of [{}, basic('alice', 'wrong')]) {
      expect((await fetch(`${url}/token?scope=repository:a:pull`, { headers })).status).toBe(401)
    }
  })

  test('is given to anybody for pulling where that is allowed', async () => {
    await using registry = await registryFor({ scheme: 'token', anonymousPull: true })
    const { url } = registry
    await repositoryClient(url, 'a', await bearer(url, 'scope=repository:a:pull,push', alice)).pushImage('v1', 'one')
    const client = repositoryClient(url, 'a', await bearer(url, 'scope=repository:a:pull,push', {}))
    expect((await client.request('GET', 'manifests/v1')).status).toBe(200)
    expect((await client.request('POST', 'blobs/uploads/')).status).toBe(401)
  })

  test('expires', async () => {
    await using registry = await registryFor({ scheme: 'token', tokenLifetimeMs: -1 })
    const { url } = registry
    const got = await fetch(`${url}/v2/`, { headers: await bearer(url, '', alice) })
    expect([got.status, got.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ])
  })

  test('can be had by password or refresh token in a form', async () => {
    await using registry = await registryFor({ scheme: 'token' })
    const { url } = registry
    const form = (body: Record<string, string>): Promise<Response> =>
      fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams({ scope: 'repository:a:pull', ...body }) })
    const first = await form({
      grant_type: 'password',
      username: 'alice',
      password: 'sesam',
      access_type: 'offline',
    })
    const { access_token: token, refresh_token: refresh } = (await first.json()) as Record<string, string>
    expect((await fetch(`${url}/v2/`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
    const second = await form({ grant_type: 'refresh_token', refresh_token: refresh! })
    expect(await second.json()).toMatchObject({ expires_in: 300, access_token: expect.any(String) })
    for (const [bad, status] of [
      [{ grant_type: 'refresh_token', refresh_token: token! }, 401],
      [{ grant_type: 'password', username: 'alice', password: 'wrong' }, 401],
      [{ grant_type: 'client_credentials' }, 400],
    ] as const) {
      expect((await form(bad)).status).toBe(status)
    }
    const offline = await fetch(`${url}/token?offline_token=true`, { headers: alice })
    expect(await offline.json()).toHaveProperty('refresh_token')
  })
})

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

async function bearer(url: string, query: string, headers: Record<string, string>): Promise<Record<string, string>> {
  const response = await fetch(`${url}/token?service=registry&${query}`, { headers })
  const { token } = (await response.json()) as { token: string }
  return { authorization: `Bearer ${token}` }
}
