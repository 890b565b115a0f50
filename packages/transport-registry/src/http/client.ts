import { isUnknownAuthority } from './connection-error.ts'
import { isStreamBody, type ConnectionSettings, type HttpClient, type HttpRequest } from './http-client.ts'
import { createLeanClient } from './lean-client.ts'
import { proxyFor } from './proxy-choice.ts'
import { createUndiciClient } from './undici-client.ts'

/**
 * One client over two: the lean one for what it can do, the general one for proxies and for request bodies of unknown
 * length. Certificates are checked against Node's own roots, and, once one of them is not enough, the system's too:
 * loading those takes longer than an `inspect`.
 */
export function createHttpClient(settings: ConnectionSettings): HttpClient {
  const clients = [createPair(settings)]
  let withSystemRoots: Promise<HttpClient> | undefined
  const addSystemRoots = async (): Promise<HttpClient> => {
    const { getCACertificates } = await import('node:tls')
    const tls = { ...settings.tls, ca: [...settings.tls.ca, ...new Set(getCACertificates('system'))] }
    const client = createPair({ ...settings, tls })
    clients.push(client)
    return client
  }
  return {
    async send(request) {
      if (withSystemRoots) return await (await withSystemRoots).send(request)
      try {
        return await clients[0]!.send(request)
      } catch (error) {
        if (!isUnknownAuthority(error) || isStreamBody(request.body)) throw error
        if ((await settings.tls.roots?.())?.replacesSystem) throw error
        withSystemRoots ??= addSystemRoots()
        return await (await withSystemRoots).send(request)
      }
    },
    connect: (url, count) => clients.at(-1)!.connect?.(url, count),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    },
  }
}

function createPair(settings: ConnectionSettings): HttpClient {
  const lean = createLeanClient(settings.tls)
  const general = createUndiciClient(settings)
  const isLean = ({ url, body }: HttpRequest): boolean =>
    proxyFor(url, settings.proxy) === undefined && (!isStreamBody(body) || body.size !== undefined)
  return {
    send: (request) => (isLean(request) ? lean : general).send(request),
    connect: (url, count) => {
      if (proxyFor(url, settings.proxy) === undefined) lean.connect?.(url, count)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([lean[Symbol.asyncDispose](), general[Symbol.asyncDispose]()])
    },
  }
}
