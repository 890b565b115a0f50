import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'

import { collect } from '@transload/contract'
import { expect, test } from 'vitest'

import { loopbackCertificate } from './http/raw-server.test.kit.ts'
import { RegistryClient } from './registry-client.ts'

const log = (): void => undefined

test('a client certificate is for the registry and its token server, not for where they lead to', async () => {
  await using elsewhere = await startAskingServer(() => ({}))
  await using tokens = await startAskingServer(() => ({}))
  const challenge = `Bearer realm="https://${tokens.host}/token",service="s"`
  await using registry = await startAskingServer(({ path, isAuthorized }) => {
    if (!isAuthorized) return { status: 401, headers: { 'WWW-Authenticate': challenge } }
    if (path === '/v2/a/blobs/here') return { status: 307, headers: { Location: '/storage' } }
    return path === '/storage' ? {} : { status: 307, headers: { Location: `https://${elsewhere.host}/storage` } }
  })
  const { cert, key } = await loopbackCertificate()
  await using client = new RegistryClient(registry.host, { certificates: async () => ({ ca: [cert], cert, key }) })
  const read = async (name: string): Promise<void> => {
    const target = `/v2/a/blobs/${name}`
    const { body } = await client.request({
      method: 'GET',
      target,
      access: { repository: 'a', actions: 'pull' },
      log,
    })
    expect(Buffer.from(await collect(body)).toString()).toBe('{"token":"t"}')
  }
  await read('here')
  await read('there')
  const foreign = await client.fetchForeign(new URL(`https://${elsewhere.host}/foreign`), { log })
  await foreign.discard()
  expect(registry.seen).toEqual(['/v2/ with', '/v2/a/blobs/here with', '/storage with', '/v2/a/blobs/there with'])
  expect(tokens.seen).toEqual(['/token with'])
  expect(elsewhere.seen).toEqual(['/storage without', '/foreign without'])
})

interface Asked {
  readonly path: string
  readonly isAuthorized: boolean
}

interface Answered {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks every client for a certificate; `seen` has the paths, and whether one was shown. */
async function startAskingServer(
  answer: (asked: Asked) => Answered,
): Promise<AsyncDisposable & { readonly host: string; readonly seen: readonly string[] }> {
  const seen: string[] = []
  const tls = { ...(await loopbackCertificate()), requestCert: true, rejectUnauthorized: false }
  const server: Server = createServer(tls, ({ socket, url = '', headers }, response) => {
    const path = url.split('?', 1)[0]!
    const isShown = Object.keys((socket as TLSSocket).getPeerCertificate()).length > 0
    seen.push(`${path} ${isShown ? 'with' : 'without'}`)
    const { status = 200, headers: given = {} } = answer({ path, isAuthorized: headers.authorization !== undefined })
    response.writeHead(status, given).end('{"token":"t"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
