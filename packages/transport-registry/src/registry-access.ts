import type {
  ImageDestination,
  ImageReference,
  ImageSource,
  OpenOptions,
  SignatureReader,
  SignatureWriter,
} from '@transload/contract'

import { createClientPool } from './client-pool.ts'
import { createRegistryDestination } from './destination.ts'
import { endpointsOf, openFirst } from './endpoints.ts'
import type { RegistryTransportOptions, SignatureStorage } from './options.ts'
import { readableReference, registryReference, requireTagOrDigest, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { createSignatureReader, createSignatureWriter } from './signatures/signature-store.ts'
import { openRegistrySource } from './source.ts'

/** A place that keeps its images in a registry: what the user calls an image, and where its signatures are. */
export interface ImageOf<Signatures> {
  readonly reference: ImageReference
  readonly signatures: Signatures
}

/** A writer some of whose work has to wait until the registry has the manifests. */
export interface LateSignatureWriter extends SignatureWriter {
  /** Called once the image is there. */
  finish(options?: Pick<OpenOptions, 'signal'>): Promise<void>
}

/** Images in registries, over clients that are shared until disposal. */
export interface RegistryAccess extends AsyncDisposable {
  /** Where a name is written to, removed from, or its tags are listed. Throws DENIED where that is blocked. */
  managingClient(reference: RegistryReference): Promise<RegistryClient>
  signatureStorage(reference: RegistryReference): Promise<SignatureStorage>
  /** `image` where that is not what the registry says. */
  openSource(reference: RegistryReference, open: OpenOptions, image?: ImageOf<SignatureReader>): Promise<ImageSource>
  prepareDestination(reference: RegistryReference, open: OpenOptions): void
  openDestination(
    reference: RegistryReference,
    open: OpenOptions,
    image?: ImageOf<LateSignatureWriter>,
  ): Promise<ImageDestination>
}

export function createRegistryAccess(options: RegistryTransportOptions): RegistryAccess {
  const clients = createClientPool(options)
  const managingClient: RegistryAccess['managingClient'] = async (reference) => {
    const [endpoint] = await endpointsOf(reference, 'manage', options)
    return clients.get(endpoint!, reference.host)
  }
  const signatureStorage: RegistryAccess['signatureStorage'] = async (reference) =>
    (await options.signatureStorage?.(reference)) ?? {}
  return {
    managingClient,
    signatureStorage,

    async openSource(reference, open, image) {
      open.signal?.throwIfAborted()
      const wanted = readableReference(reference)
      const endpoints = await endpointsOf(wanted, 'read', options)
      return await openFirst(endpoints, open, async (endpoint) => {
        const client = clients.get(endpoint, wanted.host)
        const target = registryReference(endpoint.reference)
        const readStorage = (): Promise<SignatureStorage> => signatureStorage(target)
        const signatures =
          image?.signatures ?? createSignatureReader({ client, reference: target, log: open.log, readStorage })
        return await openRegistrySource(client, image?.reference ?? reference, target, open, signatures)
      })
    },

    prepareDestination(reference, open) {
      const prepare = async (): Promise<void> =>
        (await managingClient(reference)).prepare(Number.POSITIVE_INFINITY, open)
      clients.runInBackground(prepare().catch(() => undefined))
    },

    async openDestination(reference, open, image) {
      open.signal?.throwIfAborted()
      requireTagOrDigest(reference)
      const client = await managingClient(reference)
      const readStorage = (): Promise<SignatureStorage> => signatureStorage(reference)
      const signatures = image?.signatures ?? createSignatureWriter({ client, reference, log: open.log, readStorage })
      return createRegistryDestination(client, reference, open, { reference, ...image, signatures })
    },

    [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
  }
}
