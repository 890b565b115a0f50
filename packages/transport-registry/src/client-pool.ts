import { TransloadError } from '@transload/contract'

import type { RegistryEndpoint, RegistryTransportOptions } from './options.ts'
import { RegistryClient } from './registry-client.ts'

/** The clients of one transport: one for each host and way to speak to it. Disposing ends them. */
export interface ClientPool extends AsyncDisposable {
  /** For an endpoint of a reference to `host`. Throws DENIED if it is blocked. */
  get(endpoint: RegistryEndpoint, host: string): RegistryClient
  /** Work nobody waits for; disposing does. It must not reject. */
  runInBackground(work: Promise<void>): void
}

export function createClientPool(options: RegistryTransportOptions): ClientPool {
  const clients = new Map<string, RegistryClient>()
  const background = new Set<Promise<void>>()
  return {
    get({ reference: { domain }, insecure = false, blocked }, host) {
      if (blocked !== undefined) throw new TransloadError('DENIED', blocked)
      const verifyTls = options.verifyTls ?? !insecure
      const isSubstitute = domain !== host
      const key = `${domain} ${verifyTls} ${isSubstitute}`
      let client = clients.get(key)
      if (!client) {
        client = new RegistryClient(domain, { ...optionsFor(options, isSubstitute), verifyTls })
        clients.set(key, client)
      }
      return client
    },
    runInBackground(work) {
      const tracked = work.finally(() => background.delete(tracked))
      background.add(tracked)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(background)
      const open = [...clients.values()]
      clients.clear()
      await Promise.all(open.map((client) => client[Symbol.asyncDispose]()))
    },
  }
}

/** The user's token is for the host that was named, and whoever knows credentials is told that this is another one. */
function optionsFor(options: RegistryTransportOptions, isSubstitute: boolean): RegistryTransportOptions {
  const { credentials } = options
  if (!isSubstitute) return options
  return {
    ...options,
    registryToken: undefined,
    credentials: credentials && ((scope, given) => credentials({ ...scope, isSubstitute: true }, given)),
  }
}
