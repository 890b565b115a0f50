import {
  collect,
  maxManifestBytes,
  parseManifest,
  TransloadError,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type Platform,
  type RawManifest,
} from '@transload/contract'

import { resolveOpenOptions, type CopyOptions } from './copy-options.ts'
import { defaultPlatform } from './default-platform.ts'
import type { Located } from './plugin-registry.ts'
import { readManifest } from './read-manifest.ts'
import { chooseInstance } from './select-instance.ts'
import { openSource } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { createVerification } from './verification.ts'

/** `platform`: the one wanted of an index; default: the running system's. */
export type ReadOptions = Pick<CopyOptions, 'platform' | 'cache' | 'tempDirectory' | 'log' | 'signal'>

/** An image being looked at. Methods may be called concurrently; what was read is kept. */
export interface ReadableImage extends AsyncDisposable {
  readonly reference: ImageReference
  /** What the reference points at: an image or an index. */
  readRoot(options?: OperationOptions): Promise<RawManifest>
  /** The image for the platform; the root itself if that is no index. Throws PLATFORM_UNKNOWN. */
  readInstance(options?: OperationOptions): Promise<RawManifest>
  /** The config blob of the instance, verified, at most 4 MiB. That of an artifact describes no image. */
  readConfig(options?: OperationOptions): Promise<Uint8Array>
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

  async readInstance(options: OperationOptions = this.#defaults): Promise<RawManifest> {
    if (this.#instance) return this.#instance
    const root = await this.readRoot(options)
    const manifest = parseManifest(root)
    if (manifest.kind === 'image') return (this.#instance = root)
    const { digest } = await this.#reading(
      'choosing image instance',
      (async () => chooseInstance(manifest, this.#platform))(),
    )
    return (this.#instance = await this.#reading(
      `reading manifest ${digest}`,
      readManifest(this.#source, digest, options),
    ))
  }

  async readConfig(options: OperationOptions = this.#defaults): Promise<Uint8Array> {
    const manifest = parseManifest(await this.readInstance(options))
    if (manifest.kind === 'index') {
      throw new TransloadError(
        'UNSUPPORTED',
        'Unexpectedly received a manifest list instead of a manifest for a single image',
      )
    }
    const { config } = manifest
    const body = createVerification(config).stage(this.#source.readBlob(config, options))
    return await this.#reading(
      `reading config blob ${config.digest}`,
      collect(body, maxManifestBytes, `config ${config.digest}`),
    )
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
