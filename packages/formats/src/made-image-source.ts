import {
  digestOf,
  encodeJson,
  mediaTypes,
  rawManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { once } from './once.ts'

export interface MadeLayer {
  readonly descriptor: Descriptor
  /** Its bytes, from the start each time. Lazy. */
  readonly read: (options?: OperationOptions) => AsyncIterable<Uint8Array>
  /** Where it lies as a plain file of exactly these bytes. */
  readonly file?: string | undefined
}

/** An image made up from files that are not one. */
export interface MadeImage {
  readonly reference: ImageReference
  /** The OCI image config, its members in the order they are to be written. */
  readonly config: Readonly<Record<string, unknown>>
  /** Base first. */
  readonly layers: readonly MadeLayer[]
  /** Disposed with the source. */
  readonly owned?: AsyncDisposable
}

/** A source of the OCI image that consists of a config and layers, written as the field's tools write it. */
export function openMadeImageSource(image: MadeImage): ImageSource {
  return new MadeImageSource(image)
}

class MadeImageSource implements ImageSource {
  readonly reference: ImageReference
  readonly #manifest: RawManifest
  readonly #blobs: ReadonlyMap<Digest, Pick<MadeLayer, 'read' | 'file'>>
  readonly #owned: AsyncDisposable | undefined

  constructor({ reference, config, layers, owned }: MadeImage) {
    const bytes = Buffer.from(encodeJson(config))
    const digest = digestOf(bytes)
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest, size: bytes.length },
      layers: layers.map(({ descriptor }) => ({
        mediaType: descriptor.mediaType,
        digest: descriptor.digest,
        size: descriptor.size,
      })),
    }
    this.reference = reference
    this.#manifest = rawManifest(Buffer.from(encodeJson(manifest)), mediaTypes.ociManifest)
    this.#blobs = new Map<Digest, Pick<MadeLayer, 'read' | 'file'>>([
      ...layers.map((layer) => [layer.descriptor.digest, layer] as const),
      [digest, { read: () => once(bytes) }],
    ])
    this.#owned = owned
  }

  async readManifest(digest: Digest | undefined, options: OperationOptions = {}): Promise<RawManifest> {
    options.signal?.throwIfAborted()
    if (digest === undefined || digest === this.#manifest.digest) return this.#manifest
    throw new TransloadError(
      'MANIFEST_UNKNOWN',
      `manifest lists are not supported by the ${JSON.stringify(this.reference.scheme)} transport`,
    )
  }

  async *readBlob({ digest }: Descriptor, options: OperationOptions = {}): AsyncGenerator<Uint8Array> {
    options.signal?.throwIfAborted()
    const blob = this.#blobs.get(digest)
    if (!blob) throw new TransloadError('BLOB_UNKNOWN', `no blob with digest "${digest}" found`)
    yield* blob.read(options)
  }

  async blobFile({ digest }: Descriptor): Promise<string | undefined> {
    return this.#blobs.get(digest)?.file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned?.[Symbol.asyncDispose]()
  }
}
