import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { TransloadError, type OperationOptions } from '@transload/contract'

/** Where a browser comes back to. Disposing ends it. */
export interface RedirectListener extends AsyncDisposable {
  readonly redirectUri: string
  /** The query it comes with. Rejects with `signal.reason`. */
  answer(options: OperationOptions): Promise<URLSearchParams>
}

const path = '/auth/callback'
const page = `<!doctype html>
<title>transload</title>
<p>You are logged in. This page can be closed.
`

/** Listens on loopback, on any free port, for who brings `state`; others are turned away. */
export async function startRedirectListener(state: string): Promise<RedirectListener> {
  const answered = Promise.withResolvers<URLSearchParams>()
  const server = createServer((request, response) => respond(request, response, { state, answer: answered.resolve }))
  server.listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new TransloadError('NETWORK', 'starting redirect listener: no free port on 127.0.0.1', { cause })
  }
  return {
    // By name: that is how issuers know addresses of programs.
    redirectUri: `http://localhost:${(server.address() as AddressInfo).port}${path}`,
    async answer({ signal }) {
      signal?.throwIfAborted()
      const aborted = Promise.withResolvers<never>()
      const abort = (): void => aborted.reject(signal?.reason as Error)
      signal?.addEventListener('abort', abort)
      try {
        return await Promise.race([answered.promise, aborted.promise])
      } finally {
        signal?.removeEventListener('abort', abort)
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function respond(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  { state, answer }: { readonly state: string; readonly answer: (query: URLSearchParams) => void },
): void {
  const target = URL.parse(url, 'http://localhost')
  if (method !== 'GET' || target?.pathname !== path) {
    response.writeHead(404).end()
  } else if (target.searchParams.get('state') !== state) {
    response.writeHead(400).end()
  } else {
    // The page goes out before the server is closed.
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page, () => answer(target.searchParams))
  }
}
