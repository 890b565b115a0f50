import { TransloadError, type Descriptor, type Log, type OperationOptions } from '@transload/contract'

import { readForeignBlob } from './blob-read.ts'
import { checkOptions, type RegistryTransportOptions } from './options.ts'
import { RegistryClient } from './registry-client.ts'

/** Reads layers from their own URLs. Disposing closes its connections. */
export interface ForeignLayers extends AsyncDisposable {
  /**
   * The bytes of a layer from the first of its http and https URLs that answers, without any credentials; the receiver
   * verifies them. Lazy. Throws BLOB_UNKNOWN when none answers or it has none.
   */
  read(layer: Descriptor, options: OperationOptions): AsyncIterable<Uint8Array>
}

/** For transports that have no HTTP of their own. What `options` say of TLS and proxies holds. Throws CONFIG_INVALID. */
export function createForeignLayers(options: RegistryTransportOptions & { readonly log: Log }): ForeignLayers {
  const { log, ...clientOptions } = options
  checkOptions(clientOptions)
  const clients = new Map<string, RegistryClient>()
  const clientFor = (layer: Descriptor): RegistryClient => {
    const host = layer.urls?.map((url) => URL.parse(url)?.host).find(Boolean) ?? ''
    const client = clients.get(host) ?? new RegistryClient(host, clientOptions)
    clients.set(host, client)
    return client
  }
  return {
    async *read(layer, { signal }) {
      const body = await readForeignBlob(clientFor(layer), layer, { log, signal })
      if (!body) throw new TransloadError('BLOB_UNKNOWN', `blob ${layer.digest} has no URL that can be read`)
      yield* body
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...clients.values()].map((client) => client[Symbol.asyncDispose]()))
    },
  }
}
