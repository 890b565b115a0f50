import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'

import { refusal } from './refusal.ts'

/** Where the client believes it is talking to: `host` as it wrote it, `origin` with the scheme. */
export function requestOrigin(request: IncomingMessage): { readonly host: string; readonly origin: string } {
  const { host = '' } = request.headers
  if (!/^[\w.:[\]-]{1,255}$/.test(host)) throw refusal('UNSUPPORTED', 'the Host header is missing or malformed', 400)
  return { host, origin: `${(request.socket as TLSSocket).encrypted ? 'https' : 'http'}://${host}` }
}

/** The URL a request is for; its host says nothing. Throws a NAME_INVALID refusal. */
export function requestUrl(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? '', 'http://registry')
  if (!url) throw refusal('NAME_INVALID', 'the request target is malformed')
  return url
}

/** The decoded path of a URL. Throws a NAME_INVALID refusal. */
export function decodedPath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname)
  } catch {
    throw refusal('NAME_INVALID', 'the request path is malformed')
  }
}

/** The body. Stopping early leaves the connection open, so that the client can be told why. */
export function requestBody(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
}

/** How many body bytes nobody wants are read so that the client sees the answer rather than a reset. */
const maxDiscardedBytes = 1024 * 1024

/** After an answer that came before the end of the body: reads a little of the rest, and closes on a client that goes on. */
export function discardBody(request: IncomingMessage): void {
  let discarded = 0
  request.on('error', () => {})
  request.on('data', (chunk: Uint8Array) => {
    discarded += chunk.length
    if (discarded > maxDiscardedBytes) request.destroy()
  })
  request.resume()
}
