import {
  collect,
  parseDockerReference,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageDestination,
  type ImageReference,
  type OpenOptions,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
} from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { holdLastChunk } from './hold-last-chunk.ts'
import type { StreamBody } from './http/http-client.ts'
import { contentLength } from './http/response-reader.ts'
import { putManifest } from './manifest-write.ts'
import { mountBlob } from './mount.ts'
import { readAhead } from './read-ahead.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import { cancelUpload, finishUpload, patchWhole, startUpload, type Upload, type UploadOptions } from './upload.ts'

/** Blobs up to this size are collected: then a request that failed can be sent again. */
const maxHeldBytes = 512 * 1024
const maxMountCandidates = 5

export function createRegistryDestination(
  client: RegistryClient,
  reference: RegistryReference,
  options: OpenOptions,
): ImageDestination {
  return new RegistryDestination(client, reference, options)
}

class RegistryDestination implements ImageDestination {
  readonly reference: RegistryReference
  readonly traits = { layers: 'compressed', multiImage: true, keepsForeignLayers: true } as const
  readonly #client: RegistryClient
  readonly #options: OpenOptions
  readonly #access: Access
  /** Uploads the registry opened in place of a mount, by the blob they are for. */
  readonly #openUploads = new Map<Digest, Upload>()
  #root: RawManifest | undefined

  constructor(client: RegistryClient, reference: RegistryReference, options: OpenOptions) {
    this.#client = client
    this.reference = reference
    this.#options = options
    this.#access = { repository: reference.repository, actions: 'pull,push' }
  }

  /** A mount from the source's repository, the blob itself, a mount from wherever it was seen: in this order. */
  async reuseBlob(
    blob: Descriptor,
    { from, signal }: OperationOptions & { readonly from: ImageReference },
  ): Promise<Descriptor | undefined> {
    signal?.throwIfAborted()
    const { host } = this.#client
    const { repository } = this.reference
    if (this.#client.knowsBlob(repository, blob.digest)) return await this.#withSize(blob, signal)
    const origin = repositoryOn(host, from)
    if (origin !== undefined && origin !== repository && (await this.#mount(blob, origin, signal))) {
      return await this.#withSize(blob, signal)
    }
    const size = await this.#heldSize(blob, signal)
    if (size !== undefined) {
      await this.#remember(blob.digest)
      return { ...blob, size }
    }
    const locations = await this.#options.cache.locations(host, blob.digest)
    const candidates = locations.filter((location) => location !== origin && location !== repository)
    for (const location of candidates.slice(0, maxMountCandidates)) {
      if (await this.#mount(blob, location, signal)) return await this.#withSize(blob, signal)
    }
    return undefined
  }

  async writeBlob(blob: OutgoingBlob, { signal }: OperationOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const { digest, size } = blob
    const options = { log: this.#options.log, signal }
    if (digest === undefined || size === undefined) {
      await this.#withUpload(undefined, options, async (upload) => {
        const chunks = holdLastChunk(blob.body)
        const next = await patchWhole(this.#client, upload, { size, chunks }, options)
        await finishUpload(this.#client, next, blob.written().digest, undefined, options)
      })
    } else if (size > maxHeldBytes) {
      const chunks = readAhead(holdLastChunk(blob.body))
      await this.#withUpload(digest, options, (upload) =>
        this.#put(upload, { digest, size }, { size, chunks }, options),
      )
    } else {
      // The source answers while the registry opens the upload.
      const held = collect(blob.body, size, `blob ${digest}`)
      held.catch(() => undefined)
      await this.#withUpload(digest, options, async (upload) =>
        this.#put(upload, { digest, size }, await held, options),
      )
    }
    await this.#remember(blob.written().digest)
  }

  /** Children are stored under their digest, where nobody looks yet; the root waits for `commit`. */
  async writeManifest(
    manifest: RawManifest,
    { root, signal }: OperationOptions & { readonly root: boolean },
  ): Promise<void> {
    signal?.throwIfAborted()
    const { digest } = this.reference
    if (!root) return await this.#putManifest(manifest, manifest.digest, signal)
    if (digest !== undefined && digest !== manifest.digest) {
      throw new TransloadError(
        'DIGEST_MISMATCH',
        `${this.reference.name}: the manifest has digest ${manifest.digest}, which cannot be stored under another`,
        { hint: 'Name a tag, or copy without changing the image.' },
      )
    }
    this.#root = manifest
  }

  async commit({ signal }: OperationOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const root = this.#root
    if (!root) throw new TransloadError('MANIFEST_UNKNOWN', `${fullName(this.reference)}: no manifest was written`)
    await this.#putManifest(root, this.reference.tag ?? root.digest, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upload of this.#openUploads.values()) cancelUpload(this.#client, upload, this.#options.log)
    this.#openUploads.clear()
  }

  /** A blob that is there, with its size; undefined if the registry does not tell. */
  async #withSize(blob: Descriptor, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    const size = blob.size ?? (await this.#heldSize(blob, signal))
    return size === undefined ? undefined : { ...blob, size }
  }

  /** The size of the blob if the repository itself holds it. Throws for any answer but yes and no. */
  async #heldSize(
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    const target = `/v2/${this.reference.repository}/blobs/${digest}`
    const { log } = this.#options
    const response = await this.#client.request({
      method: 'HEAD',
      target,
      access: this.#access,
      isVerified: true,
      log,
      signal,
    })
    if (response.status === 200) {
      await response.discard()
      const held = contentLength(response.headers) ?? size
      return size === undefined || held === size ? held : undefined
    }
    if (response.status !== 404) {
      throw await registryError(
        response,
        `checking whether a blob ${digest} exists in ${fullName(this.reference)}`,
        'blob',
      )
    }
    await response.discard()
    return undefined
  }

  /** False for any failure: a mount is a guess. */
  async #mount({ digest }: Descriptor, from: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { log } = this.#options
    try {
      const outcome = await mountBlob(this.#client, this.#access, digest, from, { log, signal })
      if (outcome === 'mounted') {
        await this.#remember(digest)
        return true
      }
      const former = this.#openUploads.get(digest)
      if (outcome && former) cancelUpload(this.#client, outcome, log)
      else if (outcome) this.#openUploads.set(digest, outcome)
    } catch (error) {
      signal?.throwIfAborted()
      log('debug', `mounting ${digest} from ${from} failed: ${(error as Error).message}`)
    }
    return false
  }

  /** Runs `work` with an upload, and cancels that if `work` fails. */
  async #withUpload(
    digest: Digest | undefined,
    options: UploadOptions,
    work: (upload: Upload) => Promise<void>,
  ): Promise<void> {
    const opened = digest === undefined ? undefined : this.#openUploads.get(digest)
    if (digest !== undefined) this.#openUploads.delete(digest)
    const upload = opened ?? (await startUpload(this.#client, this.#access, options))
    try {
      await work(upload)
    } catch (error) {
      cancelUpload(this.#client, upload, options.log)
      throw error
    }
  }

  async #put(
    upload: Upload,
    blob: { digest: Digest; size: number },
    body: Uint8Array | StreamBody,
    options: UploadOptions,
  ): Promise<void> {
    try {
      await finishUpload(this.#client, upload, blob.digest, body, options)
    } catch (error) {
      // A second try, after the answer to the first was lost, finds the upload gone and the blob there.
      const isGone = TransloadError.is(error) && (error as { status?: number }).status === 404
      if (!isGone || !(body instanceof Uint8Array) || (await this.#heldSize(blob, options.signal)) === undefined) {
        throw error
      }
    }
  }

  async #putManifest(manifest: RawManifest, ref: string, signal: AbortSignal | undefined): Promise<void> {
    await putManifest(this.#client, this.reference, manifest, ref, { log: this.#options.log, signal })
  }

  async #remember(digest: Digest): Promise<void> {
    this.#client.rememberBlob(this.reference.repository, digest)
    await this.#options.cache.rememberLocation(this.#client.host, digest, this.reference.repository)
  }
}

/** The repository `from` is in, if it is one of `host`. */
function repositoryOn(host: string, from: ImageReference): string | undefined {
  if (from.scheme !== 'docker' || from.name === undefined) return undefined
  const { domain, path } = parseDockerReference(from.name)
  return domain === host ? path : undefined
}
