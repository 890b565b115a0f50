import {
  collect,
  parseDockerReference,
  TransloadError,
  type Descriptor,
  type Digest,
  type HttpError,
  type ImageDestination,
  type ImageReference,
  type ManifestRole,
  type OpenOptions,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
  type ReusedBlob,
  type ReuseOptions,
} from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { heldBlobSize } from './blob-presence.ts'
import { BodyCursor } from './body-cursor.ts'
import { holdLastChunk } from './hold-last-chunk.ts'
import { sendLargeBlob } from './large-upload.ts'
import { readTagged, tagNames } from './manifest-read.ts'
import { putManifest } from './manifest-write.ts'
import { fullName, type RegistryReference } from './reference.ts'
import { ReferrerListing } from './referrer-listing.ts'
import { readReferrers } from './referrers.ts'
import type { ImageOf, LateSignatureWriter } from './registry-access.ts'
import type { RegistryClient } from './registry-client.ts'
import {
  cancelUpload,
  finishUpload,
  isUploadGone,
  mountBlob,
  startUpload,
  type Upload,
  type UploadOptions,
} from './upload.ts'

/** Blobs up to this size are collected: then a request that failed can be sent again. */
const maxHeldBytes = 512 * 1024
const maxMountCandidates = 5

export function createRegistryDestination(
  client: RegistryClient,
  reference: RegistryReference,
  options: OpenOptions,
  image: ImageOf<LateSignatureWriter>,
): ImageDestination {
  return new RegistryDestination(client, reference, options, image)
}

class RegistryDestination implements ImageDestination {
  readonly reference: ImageReference
  readonly traits = { layers: 'compressed', multiImage: true, keepsForeignLayers: true, referrers: true } as const
  readonly signatures: LateSignatureWriter
  readonly #client: RegistryClient
  /** The image as the registry has it. */
  readonly #target: RegistryReference
  readonly #options: OpenOptions
  readonly #access: Access
  readonly #listing: ReferrerListing
  /** Uploads the registry opened in place of a mount, by the blob they are for. */
  readonly #openUploads = new Map<Digest, Upload>()
  /** The image may be there already: blobs of it were, and so far none had to be brought. */
  #mayBeThere: 'unknown' | 'likely' | 'no' = 'unknown'
  #root: RawManifest | undefined

  constructor(
    client: RegistryClient,
    target: RegistryReference,
    options: OpenOptions,
    { reference, signatures }: ImageOf<LateSignatureWriter>,
  ) {
    this.#client = client
    this.reference = reference
    this.signatures = signatures
    this.#target = target
    this.#options = options
    this.#access = { repository: target.repository, actions: 'pull,push' }
    this.#listing = new ReferrerListing(client, target)
  }

  /** A mount from the source's repository, the blob itself, a mount from wherever it was seen: in this order. */
  async reuseBlob(
    blob: Descriptor,
    { from, substitutes, compressions, signal }: ReuseOptions,
  ): Promise<ReusedBlob | undefined> {
    signal?.throwIfAborted()
    const { host } = this.#client
    const { repository } = this.#target
    if (this.#client.knowsBlob(repository, blob.digest)) return await this.#withSize(blob, signal)
    const origin = repositoryOn(host, from)
    if (origin !== undefined && origin !== repository && (await this.#mount(blob, origin, signal))) {
      return await this.#withSize(blob, signal)
    }
    const size = await heldBlobSize(this.#client, this.#access, blob, { log: this.#options.log, signal })
    if (size !== undefined) {
      if (this.#mayBeThere === 'unknown') this.#mayBeThere = 'likely'
      await this.#remember(blob.digest)
      return { ...blob, size }
    }
    const locations = await this.#options.cache.locations(host, blob.digest)
    const candidates = locations.filter((location) => location !== origin && location !== repository)
    for (const location of candidates.slice(0, maxMountCandidates)) {
      if (await this.#mount(blob, location, signal)) return await this.#withSize(blob, signal)
    }
    return substitutes ? await this.#reuseSubstitute(blob, compressions, signal) : undefined
  }

  async #reuseSubstitute(
    { digest, mediaType }: Descriptor,
    compressions: readonly string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ReusedBlob | undefined> {
    const candidates = (await this.#options.cache.substitutes?.(this.#client.host, digest)) ?? []
    for (const { location, ...candidate } of candidates) {
      if (compressions?.includes(candidate.compression) === false) continue
      const blob = { mediaType, size: undefined, ...candidate }
      const isMount = location !== undefined && location !== this.#target.repository
      if (isMount && !(await this.#mount(blob, location, signal))) continue
      const size = await heldBlobSize(this.#client, this.#access, blob, { log: this.#options.log, signal })
      if (size === undefined) continue
      await this.#remember(blob.digest)
      return { ...blob, size }
    }
    return undefined
  }

  async writeBlob(blob: OutgoingBlob, { signal }: OperationOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#mayBeThere = 'no'
    const { digest, size } = blob
    const options = { log: this.#options.log, signal }
    if (digest !== undefined && size !== undefined && size <= maxHeldBytes) {
      // The source answers while the registry opens the upload.
      const held = collect(blob.body, size, `blob ${digest}`)
      held.catch(() => undefined)
      await this.#put(await this.#openUpload(digest, options), { digest, size }, held, options)
    } else {
      await using body = new BodyCursor(holdLastChunk(blob.body))
      await sendLargeBlob(this.#client, await this.#openUpload(digest, options), blob, body, options)
    }
    await this.#remember(blob.written().digest)
  }

  /**
   * Children are stored under their digest, where nobody looks yet; the root waits for `commit`, and so does the list of
   * referrers where the registry does not keep it itself.
   */
  async writeManifest(
    manifest: RawManifest,
    { root, referrer = false, tag, signal }: OperationOptions & ManifestRole,
  ): Promise<void> {
    signal?.throwIfAborted()
    const { digest } = this.#target
    if (referrer || tag !== undefined) {
      const mayBeThere = this.#mayBeThere !== 'no'
      return await this.#publish(manifest, tag ?? manifest.digest, mayBeThere, signal)
    }
    if (!root) return await this.#putManifest(manifest, manifest.digest, signal)
    if (digest !== undefined && digest !== manifest.digest) {
      throw new TransloadError(
        'DIGEST_MISMATCH',
        `${this.#target.name}: the manifest has digest ${manifest.digest}, which cannot be stored under another`,
        { hint: 'Name a tag, or copy without changing the image.' },
      )
    }
    this.#root = manifest
  }

  async commit({ signal }: OperationOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const root = this.#root
    if (!root) throw new TransloadError('MANIFEST_UNKNOWN', `${fullName(this.#target)}: no manifest was written`)
    const { tag } = this.#target
    // What speaks for the image is found before the image is.
    await this.#listing.write({ log: this.#options.log, signal })
    if (tag === undefined) await this.#putManifest(root, root.digest, signal)
    else await this.#publish(root, tag, this.#mayBeThere === 'likely', signal)
    await this.#listing.write({ log: this.#options.log, signal })
    await this.signatures.finish({ signal })
  }

  readReferrers(
    subject: Digest,
    options?: OperationOptions & { readonly artifactType?: string | undefined },
  ): AsyncIterable<Descriptor> {
    return readReferrers(this.#client, this.#target, subject, { ...options, log: this.#options.log })
  }

  async readTagged(tag: string, { signal }: OperationOptions = {}): Promise<RawManifest | undefined> {
    return await readTagged(this.#client, this.#target, tag, { log: this.#options.log, signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upload of this.#openUploads.values()) cancelUpload(this.#client, upload, this.#options.log)
    this.#openUploads.clear()
  }

  /** A blob that is there, with its size; undefined if the registry does not tell. */
  async #withSize(blob: Descriptor, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    const { log } = this.#options
    const size = blob.size ?? (await heldBlobSize(this.#client, this.#access, blob, { log, signal }))
    return size === undefined ? undefined : { ...blob, size }
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

  /** One that a mount left open, or a new one. */
  async #openUpload(digest: Digest | undefined, options: UploadOptions): Promise<Upload> {
    const opened = digest === undefined ? undefined : this.#openUploads.get(digest)
    if (digest !== undefined) this.#openUploads.delete(digest)
    return opened ?? (await startUpload(this.#client, this.#access, options))
  }

  /** Cancels the upload if it fails. */
  async #put(
    upload: Upload,
    blob: { digest: Digest; size: number },
    held: Promise<Uint8Array>,
    options: UploadOptions,
  ): Promise<void> {
    try {
      await finishUpload(this.#client, upload, blob.digest, await held, options)
    } catch (error) {
      // A second try, after the answer to the first was lost, or after somebody else's, finds the blob there.
      if (isUploadGone(error) && (await heldBlobSize(this.#client, this.#access, blob, options)) !== undefined) return
      cancelUpload(this.#client, upload, options.log)
      throw error
    }
  }

  /** A registry with immutable tags is never sent what it has: it would refuse that, though nothing would change. */
  async #publish(
    manifest: RawManifest,
    ref: string,
    mayBeThere: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const isThere = (): Promise<boolean> =>
      tagNames(this.#client, ref, this.#access, manifest.digest, { log: this.#options.log, signal })
    // Then the question takes the place of the PUT, and costs no round trip.
    if (mayBeThere && (await isThere())) return this.#listing.add(manifest)
    try {
      await this.#putManifest(manifest, ref, signal)
    } catch (error) {
      if (!isRefused(error) || !(await isThere())) throw error
      this.#listing.add(manifest)
    }
  }

  async #putManifest(manifest: RawManifest, ref: string, signal: AbortSignal | undefined): Promise<void> {
    const options = { log: this.#options.log, signal }
    this.#listing.add(manifest, await putManifest(this.#client, this.#target, manifest, ref, options))
  }

  async #remember(digest: Digest): Promise<void> {
    this.#client.rememberBlob(this.#target.repository, digest)
    await this.#options.cache.rememberLocation(this.#client.host, digest, this.#target.repository)
  }
}

function isRefused(error: unknown): boolean {
  const { status = 0 } = TransloadError.is(error) ? (error as Partial<HttpError>) : {}
  return status >= 400 && status < 500 && status !== 401 && status !== 429
}

/** The repository `from` is in, if it is one of `host`. */
function repositoryOn(host: string, from: ImageReference): string | undefined {
  if (from.scheme !== 'docker' || from.name === undefined) return undefined
  const { domain, path } = parseDockerReference(from.name)
  return domain === host ? path : undefined
}
