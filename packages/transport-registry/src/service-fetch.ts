import { createHttpClient } from './http/client.ts'
import { checkOptions, type RegistryTransportOptions } from './options.ts'

/** A `fetch` for services that are no registries. Disposing closes its connections. */
export interface ServiceFetch extends AsyncDisposable {
  /**
   * Follows no redirects and decodes nothing; of the answer's headers it keeps those that say what its body is and where
   * to look next. Rejects with `signal.reason`, or throws NETWORK, TLS or PROTOCOL.
   */
  fetch(url: string, init: RequestInit): Promise<Response>
}

const keptHeaders = ['content-type', 'location', 'retry-after', 'www-authenticate']
const statusesWithoutBody = [204, 205, 304]

/** What `options` say of TLS and proxies holds; credentials and certificates of registries are shown to nobody. */
export function createServiceFetch(
  options: Pick<RegistryTransportOptions, 'rootCertificates' | 'tlsDetails' | 'userAgent' | 'proxy'>,
): ServiceFetch {
  checkOptions(options)
  const { rootCertificates: roots, tlsDetails: details, userAgent = 'transload', proxy = {} } = options
  const client = createHttpClient({ tls: { verify: true, ca: [], roots, details }, proxy })
  return {
    async fetch(url, init) {
      const request = new Request(url, init)
      const response = await client.send({
        method: request.method,
        url: new URL(request.url),
        headers: { 'User-Agent': userAgent, 'Accept-Encoding': 'identity', ...Object.fromEntries(request.headers) },
        body: request.body ? new Uint8Array(await request.arrayBuffer()) : undefined,
        signal: init.signal ?? undefined,
      })
      const { status, headers } = response
      const kept = keptHeaders.flatMap((name) => headers.all(name).map((value): [string, string] => [name, value]))
      if (statusesWithoutBody.includes(status)) {
        await response.discard()
        return new Response(null, { status, headers: kept })
      }
      return new Response(ReadableStream.from(response.body), { status, headers: kept })
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}
