import {
  mediaTypes,
  parseManifest,
  referrerDescriptor,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type Platform,
  type RawManifest,
  type TrustPolicy,
  type VerifiedClaim,
} from '@transload/contract'

import { attachedTags } from './attached-tags.ts'
import { isAttestation } from './attestation.ts'
import { resolveOpenOptions, type CopyOptions } from './copy-options.ts'
import { defaultPlatform } from './default-platform.ts'
import { imageLayers } from './image-layers.ts'
import { findInstance, listImages, parseIndex, type ReadIndex } from './index-tree.ts'
import type { Located } from './plugin-registry.ts'
import { readConfig } from './read-config.ts'
import { readManifest, readTaggedManifest } from './read-manifest.ts'
import { configFromHistory } from './schema1/config-from-history.ts'
import { openSource } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { checkTrust } from './trust/check-trust.ts'
import { unverifiedImage } from './trust/unverified-image.ts'

/** `platform`: the one wanted of an index; default: the running system's. */
export type ReadOptions = Pick<CopyOptions, 'platform' | 'cache' | 'tempDirectory' | 'log' | 'signal'>

/** An image being looked at. Methods may be called concurrently; what was read is kept. */
export interface ReadableImage extends AsyncDisposable {
  readonly reference: ImageReference
  /** What the reference points at: an image or an index. */
  readRoot(options?: OperationOptions): Promise<RawManifest>
  /** The images of the root, also those of indexes in it, as listed there: none if it is no index. No attestations. */
  listImages(options?: OperationOptions): Promise<readonly Descriptor[]>
  /** One of {@link listImages}. */
  readListed(image: Descriptor, options?: OperationOptions): Promise<RawManifest>
  /** The image for the platform; the root itself if that is no index. Throws PLATFORM_UNKNOWN. */
  readInstance(options?: OperationOptions): Promise<RawManifest>
  /**
   * The config blob of the instance, verified, at most 4 MiB. That of an artifact describes no image. Of a schema 1
   * image it is made of the history, its DiffIDs empty: nobody has read the layers.
   */
  readConfig(options?: OperationOptions): Promise<Uint8Array>
  /** The manifest of the instance in OCI form: its very bytes if it has that. Reads the config for any other. */
  readOciManifest(options?: OperationOptions): Promise<RawManifest>
  /** The layers a copy of the instance would read: the place may offer others than the manifest names. */
  readLayers(options?: OperationOptions): Promise<readonly Descriptor[]>
  /**
   * What refers to the root, by its subject, then by a tag made of the root's digest; of one artifact type, if that is
   * given. Lazy. Throws UNSUPPORTED where the place cannot tell.
   */
  readReferrers(options?: OperationOptions & { readonly artifactType?: string | undefined }): AsyncIterable<Referrer>
  /** A blob as the place has it: whoever asks verifies it. Lazy. Throws BLOB_UNKNOWN. */
  readBlob(blob: Descriptor, options?: OperationOptions): AsyncIterable<Uint8Array>
  /**
   * What it took for `policy` to accept `manifest`, the root or the instance, under this reference. Throws TrustError when
   * it does not.
   */
  checkTrust(policy: TrustPolicy, manifest: RawManifest, options?: OperationOptions): Promise<readonly VerifiedClaim[]>
}

export interface Referrer extends Descriptor {
  /** Under which it refers to the other; absent where it does by its subject. */
  readonly tag?: string
}

/** Opens an image for reading only. The caller disposes it. Throws TransferError `initializing source NAME: …`. */
export async function openImage(from: Located, options: ReadOptions = {}): Promise<ReadableImage> {
  const open = resolveOpenOptions(options)
  return new OpenImage(await openSource(from, open), options.platform ?? defaultPlatform(), open)
}

class OpenImage implements ReadableImage {
  readonly reference: ImageReference
  readonly #source: ImageSource
  readonly #platform: Platform
  readonly #defaults: OperationOptions
  #root: RawManifest | undefined
  #instance: RawManifest | undefined

  constructor(source: ImageSource, platform: Platform, defaults: OperationOptions) {
    this.reference = source.reference
    this.#source = source
    this.#platform = platform
    this.#defaults = { signal: defaults.signal }
  }

  async readRoot(options: OperationOptions = this.#defaults): Promise<RawManifest> {
    return (this.#root ??= await this.#reading('reading manifest', readManifest(this.#source, undefined, options)))
  }

  async listImages(options: OperationOptions = this.#defaults): Promise<readonly Descriptor[]> {
    const manifest = parseManifest(await this.readRoot(options))
    if (manifest.kind !== 'index') return []
    const { images } = await this.#reading('listing images', listImages(manifest, 'all', this.#readIndex, options))
    return images.map(({ descriptor }) => descriptor).filter((descriptor) => !isAttestation(descriptor))
  }

  async readListed({ digest }: Descriptor, options: OperationOptions = this.#defaults): Promise<RawManifest> {
    return await this.#readByDigest(digest, options)
  }

  async readInstance(options: OperationOptions = this.#defaults): Promise<RawManifest> {
    if (this.#instance) return this.#instance
    const root = await this.readRoot(options)
    const manifest = parseManifest(root)
    if (manifest.kind !== 'index') return (this.#instance = root)
    const { descriptor } = await this.#reading(
      'choosing image instance',
      findInstance(manifest, this.#platform, this.#readIndex, options),
    )
    const list = manifest.format === 'oci' ? 'image index' : 'manifest list'
    return (this.#instance = await this.#reading(
      `fetching target platform image selected from ${list}`,
      readManifest(this.#source, descriptor.digest, options),
    ))
  }

  readonly #readIndex: ReadIndex = async (digest, options) => parseIndex(await this.#readByDigest(digest, options))

  async #readByDigest(digest: Digest, options: OperationOptions): Promise<RawManifest> {
    return await this.#reading(`reading manifest ${digest}`, readManifest(this.#source, digest, options))
  }

  async readConfig(options: OperationOptions = this.#defaults): Promise<Uint8Array> {
    const manifest = parseManifest(await this.readInstance(options))
    if (manifest.kind === 'index') {
      throw new TransloadError(
        'UNSUPPORTED',
        'Unexpectedly received a manifest list instead of a manifest for a single image',
      )
    }
    if (manifest.kind === 'schema1') {
      const { layers } = manifest
      const diffIds = layers.flatMap(({ isThrowaway }) => (isThrowaway ? [] : ['']))
      return configFromHistory(layers, diffIds)
    }
    return await readConfig(this.#source, manifest.config, 'plan', options)
  }

  async readOciManifest(options: OperationOptions = this.#defaults): Promise<RawManifest> {
    const instance = await this.readInstance(options)
    if (instance.mediaType === mediaTypes.ociManifest) return instance
    const { ociManifestOf } = await import('./oci-manifest.ts')
    return ociManifestOf(instance, await this.readConfig(options))
  }

  async readLayers(options: OperationOptions = this.#defaults): Promise<readonly Descriptor[]> {
    const instance = await this.readInstance(options)
    const manifest = parseManifest(instance)
    const reading = (async () => this.#source.layersForCopy?.(instance, options))()
    return (await this.#reading('reading layers', reading)) ?? (manifest.kind === 'index' ? [] : imageLayers(manifest))
  }

  async *readReferrers({
    artifactType,
    ...operation
  }: OperationOptions & { readonly artifactType?: string | undefined } = {}): AsyncGenerator<Referrer> {
    const options = { ...this.#defaults, ...operation, artifactType }
    const { digest } = await this.readRoot(options)
    const source = this.#source
    if (!source.readReferrers) {
      const { scheme } = this.reference
      throw new TransloadError('UNSUPPORTED', `listing referrers is not implemented for ${scheme}: images`)
    }
    yield* source.readReferrers(digest, options)
    for (const tag of attachedTags(digest)) {
      const raw = await this.#reading(`reading ${tag}`, readTaggedManifest(source, tag, options))
      const referrer = raw && { ...referrerDescriptor(raw), tag }
      if (referrer && (artifactType ?? referrer.artifactType) === referrer.artifactType) yield referrer
    }
  }

  readBlob(blob: Descriptor, options: OperationOptions = this.#defaults): AsyncIterable<Uint8Array> {
    return this.#source.readBlob(blob, options)
  }

  async checkTrust(
    policy: TrustPolicy,
    manifest: RawManifest,
    options: OperationOptions = this.#defaults,
  ): Promise<readonly VerifiedClaim[]> {
    return await checkTrust(policy, unverifiedImage(this.#source, manifest), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]()
  }

  async #reading<T>(what: string, reading: Promise<T>): Promise<T> {
    try {
      return await reading
    } catch (error) {
      if (this.#defaults.signal?.aborted) throw error
      throw new TransferError('source', 'plan', what, error)
    }
  }
}
