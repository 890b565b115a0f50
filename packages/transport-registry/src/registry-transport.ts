import type { ImageDestination, ImageSource, OpenOptions, Transport } from '@transload/contract'

import { createRegistryDestination } from './destination.ts'
import { checkOptions, type RegistryTransportOptions } from './options.ts'
import { parseRegistryReference, readableReference, requireTagOrDigest, type RegistryReference } from './reference.ts'
import { RegistryClient } from './registry-client.ts'
import { removeRegistryImage } from './remove-image.ts'
import { openRegistrySource } from './source.ts'
import { readTags } from './tags.ts'

/**
 * `docker://`: images in a registry. All images of one transport share connections, tokens and what is known about
 * each registry; `close` ends them. Throws CONFIG_INVALID for options that make no sense.
 */
export function registryTransport(
  options: RegistryTransportOptions = {},
): Transport<RegistryReference> & Required<Pick<Transport, 'close'>> {
  checkOptions(options)
  const clients = new Map<string, RegistryClient>()
  const clientFor = (host: string): RegistryClient => {
    let client = clients.get(host)
    if (!client) {
      client = new RegistryClient(host, options)
      clients.set(host, client)
    }
    return client
  }
  return {
    scheme: 'docker',
    parse: (text) => parseRegistryReference(text),

    async openSource(reference: RegistryReference, open: OpenOptions): Promise<ImageSource> {
      const target = readableReference(reference)
      return await openRegistrySource(clientFor(target.host), reference, target, open)
    },

    prepareDestination(reference: RegistryReference, open: OpenOptions): void {
      clientFor(reference.host).prepare(Number.POSITIVE_INFINITY, open)
    },

    async openDestination(reference: RegistryReference, open: OpenOptions): Promise<ImageDestination> {
      open.signal?.throwIfAborted()
      requireTagOrDigest(reference)
      return createRegistryDestination(clientFor(reference.host), reference, open)
    },

    async removeImage(reference: RegistryReference, open: OpenOptions): Promise<void> {
      await removeRegistryImage(clientFor(reference.host), reference, open)
    },

    listTags: (reference: RegistryReference, open: OpenOptions) => readTags(clientFor(reference.host), reference, open),

    async close(): Promise<void> {
      const open = [...clients.values()]
      clients.clear()
      await Promise.all(open.map((client) => client[Symbol.asyncDispose]()))
    },
  }
}
