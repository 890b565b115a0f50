import { digestOf, mediaTypes, type Descriptor, type ImageDestination, type OutgoingBlob } from '@transload/contract'

import { createRegistryDestination } from './destination.ts'
import { clientOf, openOptions, startFakeRegistry, type Routes, withoutSignatures } from './fake-registry.test.kit.ts'
import type { RawServer } from './http/raw-server.test.kit.ts'
import type { RegistryTransportOptions } from './options.ts'
import { parseRegistryReference } from './reference.ts'

export interface Opened extends AsyncDisposable {
  readonly destination: ImageDestination
  readonly server: RawServer
  readonly client: ReturnType<typeof clientOf>
  readonly options: ReturnType<typeof openOptions>
}

export async function openDestination(
  routes: Routes,
  settings: RegistryTransportOptions = {},
  challenge?: string,
  locations: readonly string[] = [],
  name = 'a:1',
): Promise<Opened> {
  const server = await startFakeRegistry(routes, challenge)
  const client = clientOf(server, settings)
  const options = openOptions({ locations })
  const reference = parseRegistryReference(`//${server.host}/${name}`)
  const destination = createRegistryDestination(client, reference, options, withoutSignatures(reference))
  return {
    destination,
    server,
    client,
    options,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await destination[Symbol.asyncDispose]()
      await client[Symbol.asyncDispose]()
    },
  }
}

export function descriptorOf(bytes: Buffer): Descriptor {
  return { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length }
}

/** With `problem` the body throws it after its last byte. */
export function outgoing(bytes: Buffer, problem?: Error): OutgoingBlob & Descriptor {
  const descriptor = descriptorOf(bytes)
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < bytes.length; offset += 300_000) yield bytes.subarray(offset, offset + 300_000)
    if (problem) throw problem
  }
  async function* reread(start: number, end: number): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(start, end)
  }
  return { role: 'layer', ...descriptor, body: body(), reread, written: () => descriptor }
}
