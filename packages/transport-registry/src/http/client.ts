import { isStreamBody, type ConnectionSettings, type HttpClient, type HttpRequest } from './http-client.ts'
import { createLeanClient } from './lean-client.ts'
import { proxyFor } from './proxy-choice.ts'
import { createUndiciClient } from './undici-client.ts'

/**
 * One client over two: the lean one for what it can do, the general one for proxies and for request bodies of unknown
 * length.
 */
export function createHttpClient(settings: ConnectionSettings): HttpClient {
  const lean = createLeanClient(settings.tls)
  const general = createUndiciClient(settings)
  const isLean = ({ url, body }: HttpRequest): boolean =>
    proxyFor(url, settings.proxy) === undefined && (!isStreamBody(body) || body.size !== undefined)
  return {
    send: (request) => (isLean(request) ? lean : general).send(request),
    async [Symbol.asyncDispose]() {
      await Promise.all([lean[Symbol.asyncDispose](), general[Symbol.asyncDispose]()])
    },
  }
}
