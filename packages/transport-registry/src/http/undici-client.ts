import type { Dispatcher } from 'undici'

import { connectionError } from './connection-error.ts'
import {
  isStreamBody,
  type ConnectionSettings,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  type ResponseHeaders,
  type TlsSettings,
} from './http-client.ts'
import { proxyFor } from './proxy-choice.ts'
import { createContext } from './tls-context.ts'

/** Answers longer than this, in bytes, are cut off rather than read to free their connection. */
const discardLimit = 16 * 1024
const discardTimeoutMs = 1000

/** The general client: everything HTTP/1.1 has, proxies included. Its library loads with the first request. */
export function createUndiciClient(settings: ConnectionSettings): HttpClient {
  return new UndiciClient(settings)
}

class UndiciClient implements HttpClient {
  readonly #settings: ConnectionSettings
  /** By proxy URL; `''` without one. */
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>()

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, headers, signal } = request
    signal?.throwIfAborted()
    const dispatcher = await this.#dispatcherFor(url)
    let bodyError: { readonly error: unknown } | undefined
    try {
      const response = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: outgoingHeaders(request, headers),
        body: outgoingBody(request, (error) => {
          bodyError = { error }
        }),
        signal: signal ?? null,
        highWaterMark: 256 * 1024,
      })
      return {
        status: response.statusCode,
        headers: responseHeaders(response.headers),
        body: readBody(response.body, request),
        async discard() {
          const patience = AbortSignal.timeout(discardTimeoutMs)
          await response.body.dump({ limit: discardLimit, signal: patience }).catch(() => undefined)
        },
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw bodyError ? bodyError.error : connectionError(error, method, url)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    await Promise.allSettled(dispatchers.map(async (dispatcher) => (await dispatcher).destroy()))
  }

  #dispatcherFor(url: URL): Promise<Dispatcher> {
    const proxy = proxyFor(url, this.#settings.proxy) ?? ''
    let dispatcher = this.#dispatchers.get(proxy)
    if (!dispatcher) {
      dispatcher = createDispatcher(this.#settings.tls, proxy)
      this.#dispatchers.set(proxy, dispatcher)
    }
    return dispatcher
  }
}

async function createDispatcher(tls: TlsSettings, proxy: string): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici')
  const secureContext = await createContext(tls)
  const connect = {
    timeout: 30_000,
    keepAliveInitialDelay: 30_000,
    rejectUnauthorized: tls.verify,
    ...(secureContext ? { secureContext } : {}),
  }
  const options = {
    allowH2: false,
    // Shorter than the idle limits of common servers and load balancers.
    keepAliveTimeout: 50_000,
    // A registry may take long to store what it got: the caller's signal decides, dead peers fail by TCP keep-alive.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
  if (proxy === '') return new Agent({ ...options, connect })
  return new ProxyAgent({ ...options, uri: proxy, requestTls: connect, proxyTls: connect })
}

function outgoingHeaders(
  { body }: HttpRequest,
  headers: HttpRequest['headers'] = {},
): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) all[name] = typeof value === 'string' ? value : [...value]
  if (isStreamBody(body) && body.size !== undefined) all['content-length'] = String(body.size)
  return all
}

function outgoingBody(
  { body }: HttpRequest,
  failed: (error: unknown) => void,
): NonNullable<Dispatcher.DispatchOptions['body']> | null {
  if (!isStreamBody(body)) return body ?? null
  const { chunks } = body
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks
    } catch (error) {
      failed(error)
      throw error
    }
  }
  // undici takes any async iterable; its types say only streams.
  return watched() as unknown as NonNullable<Dispatcher.DispatchOptions['body']>
}

async function* readBody(
  body: Dispatcher.ResponseData['body'],
  { method, url, signal }: HttpRequest,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    signal?.throwIfAborted()
    throw connectionError(error, method, url)
  }
}

function responseHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): ResponseHeaders {
  const all = (name: string): readonly string[] => {
    const value = headers[name.toLowerCase()]
    return value === undefined ? [] : typeof value === 'string' ? [value] : value
  }
  return { get: (name) => all(name)[0], all }
}
