import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { writeCertificate, type TokenAuthentication } from '@transload/peers'

export interface TokenService extends AsyncDisposable {
  /** What the registry has to know of it. */
  readonly authentication: TokenAuthentication
  /** Query strings of the requests so far. */
  readonly requests: readonly URLSearchParams[]
}

const service = 'registry.test'
const issuer = 'token service'

/**
 * A token service as registries have one (distribution's token specification): those who know the password may do
 * what they ask for, anybody else may pull from `open/…`. `folder` is made, for its key.
 */
export async function startTokenService(
  folder: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<TokenService> {
  await mkdir(folder, { recursive: true })
  const { certificatePath, keyPath } = await writeCertificate(folder)
  const key = createPrivateKey(await readFile(keyPath))
  const certificate = new X509Certificate(await readFile(certificatePath)).raw.toString('base64')
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const requests: URLSearchParams[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://localhost')
    requests.push(searchParams)
    const { authorization } = request.headers
    if (authorization !== undefined && authorization !== expected) {
      response.writeHead(401).end(JSON.stringify({ details: 'incorrect username or password' }))
      return
    }
    const granted = searchParams.getAll('scope').flatMap((scope) => access(scope, authorization !== undefined))
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer, sub: '', aud: service, exp: now + 300, nbf: now - 10, iat: now, jti: randomUUID() }
    const head = encode({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })
    const signed = `${head}.${encode({ ...claims, access: granted })}`
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    response.end(JSON.stringify({ token: `${signed}.${signature}`, expires_in: 300 }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
  return {
    authentication: { realm, service, issuer, certificatePath },
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function access(scope: string, isKnown: boolean): readonly unknown[] {
  const [type = '', name = '', actions = ''] = scope.split(':')
  const permitted = actions.split(',').filter((action) => isKnown || (action === 'pull' && name.startsWith('open/')))
  return permitted.length === 0 ? [] : [{ type, name, actions: permitted }]
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
