import {
  digestAlgorithm,
  digestHex,
  TransloadError,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type OpenOptions,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
} from '@transload/contract'
import {
  emptyOciIndex,
  encodeOciIndex,
  ociTraits,
  withManifest,
  withReferrers,
  type OciLayerOptions,
} from '@transload/formats'

import { openArchiveTarget, type ArchiveTarget } from './archive-target.ts'
import type { OciArchiveReference } from './oci-archive-reference.ts'

/** What is at the path is replaced, at commit. */
export async function openOciArchiveDestination(
  reference: OciArchiveReference,
  layers: OciLayerOptions,
  { tempDirectory, signal }: OpenOptions,
): Promise<ImageDestination> {
  const target = await openArchiveTarget(reference.path, { tempDirectory, signal, entryMode: 0o644 })
  return new OciArchiveDestination(reference, ociTraits(layers), target)
}

class OciArchiveDestination implements ImageDestination {
  readonly reference: OciArchiveReference
  readonly traits: DestinationTraits
  readonly #target: ArchiveTarget
  readonly #referrers: RawManifest[] = []
  #root: RawManifest | undefined

  constructor(reference: OciArchiveReference, traits: DestinationTraits, target: ArchiveTarget) {
    this.reference = reference
    this.traits = { ...traits, ...(target.isPipe ? { concurrency: 1 } : {}) }
    this.#target = target
  }

  async writeBlob(blob: OutgoingBlob, options?: OperationOptions): Promise<void> {
    const { digest, body, size } = blob
    const name = digest ? blobPath(digest) : () => blobPath(blob.written().digest)
    await this.#target.tar.addFile({ name, body, size }, options)
  }

  async writeManifest(
    manifest: RawManifest,
    options: OperationOptions & { readonly root: boolean; readonly referrer?: boolean },
  ): Promise<void> {
    await this.#target.tar.addBytes(blobPath(manifest.digest), manifest.bytes, options)
    if (options.root) this.#root = manifest
    else if (options.referrer) this.#referrers.push(manifest)
  }

  async commit(options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    const { tar } = this.#target
    const root = this.#root
    if (!root) throw new TransloadError('IO', `oci-archive:${this.reference.text}: no manifest was written`)
    const { mediaType, digest, bytes } = root
    const named = withManifest(emptyOciIndex, { mediaType, digest, size: bytes.length }, this.reference.image)
    const index = withReferrers(named, this.#referrers)
    await tar.addBytes('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'), options)
    await tar.addBytes('index.json', encodeOciIndex(index), options)
    await tar.finish(options)
    await this.#target.publish(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]()
  }
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`
}
