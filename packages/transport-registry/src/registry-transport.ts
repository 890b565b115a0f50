import type { ImageDestination, ImageSource, OpenOptions, Transport } from '@transload/contract'

import { createClientPool } from './client-pool.ts'
import { createRegistryDestination } from './destination.ts'
import { endpointsOf, openFirst } from './endpoints.ts'
import { checkOptions, type RegistryTransportOptions, type SignatureStorage } from './options.ts'
import {
  parseRegistryReference,
  readableReference,
  registryReference,
  requireTagOrDigest,
  type RegistryReference,
} from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { removeRegistryImage } from './remove-image.ts'
import { removeRegistryTag } from './remove-tag.ts'
import { removeLookasideSignatures } from './signatures/signature-store.ts'
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
  const clients = createClientPool(options)
  /** Where a name is written to, removed from, or its tags are listed. Throws DENIED where that is blocked. */
  const managingClient = async (reference: RegistryReference): Promise<RegistryClient> => {
    const [endpoint] = await endpointsOf(reference, 'manage', options)
    return clients.get(endpoint!, reference.host)
  }
  const signatureStorage = async (reference: RegistryReference): Promise<SignatureStorage> =>
    (await options.signatureStorage?.(reference)) ?? {}
  return {
    scheme: 'docker',
    parse: (text) => parseRegistryReference(text),

    async openSource(reference: RegistryReference, open: OpenOptions): Promise<ImageSource> {
      open.signal?.throwIfAborted()
      const wanted = readableReference(reference)
      const endpoints = await endpointsOf(wanted, 'read', options)
      return await openFirst(endpoints, open, async (endpoint) => {
        const client = clients.get(endpoint, wanted.host)
        const target = registryReference(endpoint.reference)
        return await openRegistrySource(client, reference, target, open, () => signatureStorage(target))
      })
    },

    prepareDestination(reference: RegistryReference, open: OpenOptions): void {
      const prepare = async (): Promise<void> =>
        (await managingClient(reference)).prepare(Number.POSITIVE_INFINITY, open)
      clients.runInBackground(prepare().catch(() => undefined))
    },

    async openDestination(reference: RegistryReference, open: OpenOptions): Promise<ImageDestination> {
      open.signal?.throwIfAborted()
      requireTagOrDigest(reference)
      const client = await managingClient(reference)
      return createRegistryDestination(client, reference, open, () => signatureStorage(reference))
    },

    async removeImage(reference: RegistryReference, open: OpenOptions): Promise<void> {
      const removed = await removeRegistryImage(await managingClient(reference), reference, open)
      await removeLookasideSignatures(reference, await signatureStorage(reference), removed)
    },

    async removeTag(reference: RegistryReference, open: OpenOptions): Promise<void> {
      await removeRegistryTag(await managingClient(reference), reference, open)
    },

    async *listTags(reference: RegistryReference, open: OpenOptions) {
      yield* readTags(await managingClient(reference), reference, open)
    },

    async close() {
      await clients[Symbol.asyncDispose]()
    },
  }
}
