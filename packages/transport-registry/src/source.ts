import type {
  Descriptor,
  Digest,
  ImageReference,
  ImageSource,
  OpenOptions,
  OperationOptions,
  RawManifest,
  SignatureReader,
} from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { readForeignBlob, readRegistryBlob } from './blob-read.ts'
import { manifestOf, readTagged, requestManifest } from './manifest-read.ts'
import { fullName, type RegistryReference } from './reference.ts'
import { readReferrers } from './referrers.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/** `target` is what to read, `reference` what the user said. The manifest is fetched at once. Throws MANIFEST_UNKNOWN. */
export async function openRegistrySource(
  client: RegistryClient,
  reference: ImageReference,
  target: RegistryReference,
  options: OpenOptions,
  signatures: SignatureReader,
): Promise<ImageSource> {
  const source = new RegistrySource(client, reference, target, signatures, options)
  await source.readManifest(undefined, { signal: options.signal })
  return source
}

class RegistrySource implements ImageSource {
  readonly reference: ImageReference
  readonly signatures: SignatureReader
  readonly #client: RegistryClient
  readonly #target: RegistryReference
  readonly #options: OpenOptions
  readonly #access: Access
  #root: RawManifest | undefined

  constructor(
    client: RegistryClient,
    reference: ImageReference,
    target: RegistryReference,
    signatures: SignatureReader,
    options: OpenOptions,
  ) {
    this.#client = client
    this.reference = reference
    this.signatures = signatures
    this.#target = target
    this.#options = options
    this.#access = { repository: target.repository, actions: 'pull' }
  }

  async readManifest(digest: Digest | undefined, { signal }: OperationOptions = {}): Promise<RawManifest> {
    signal?.throwIfAborted()
    if (this.#root && (digest === undefined || digest === this.#root.digest)) return this.#root
    const expected = digest ?? this.#target.digest
    const ref = expected ?? this.#target.tag!
    const response = await requestManifest(this.#client, ref, this.#access, { log: this.#options.log, signal })
    if (response.status !== 200) {
      throw await registryError(response, `reading manifest ${ref} in ${fullName(this.#target)}`, 'manifest')
    }
    const manifest = await manifestOf(response, expected)
    if (digest === undefined) this.#root = manifest
    return manifest
  }

  prepareBlobs(count: number): void {
    this.#client.prepare(count, this.#options)
  }

  async *readBlob(blob: Descriptor, { signal }: OperationOptions = {}): AsyncGenerator<Uint8Array> {
    const { log, cache } = this.#options
    const foreign = await readForeignBlob(this.#client, blob, { log, signal })
    if (foreign) {
      yield* foreign
      return
    }
    yield* readRegistryBlob(this.#client, blob, this.#access, { log, signal })
    await cache.rememberLocation(this.#client.host, blob.digest, this.#access.repository)
  }

  async *readBlobFrom(blob: Descriptor, offset: number, { signal }: OperationOptions = {}): AsyncGenerator<Uint8Array> {
    const { log } = this.#options
    const foreign = await readForeignBlob(this.#client, blob, { log, signal })
    if (foreign) yield* withoutStart(foreign, offset)
    else yield* readRegistryBlob(this.#client, blob, this.#access, { start: offset, log, signal })
  }

  async *readReferrers(
    subject: Digest,
    { artifactType, signal }: OperationOptions & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor> {
    signal?.throwIfAborted()
    const { log } = this.#options
    yield* readReferrers(this.#client, this.#target, subject, { artifactType, log, signal })
  }

  async readTagged(tag: string, { signal }: OperationOptions = {}): Promise<RawManifest | undefined> {
    signal?.throwIfAborted()
    return await readTagged(this.#client, this.#target, tag, { log: this.#options.log, signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Connections belong to the client, and each read releases its own.
  }
}

async function* withoutStart(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let unwanted = count
  for await (const chunk of chunks) {
    if (chunk.length > unwanted) yield chunk.subarray(unwanted)
    unwanted = Math.max(0, unwanted - chunk.length)
  }
}
