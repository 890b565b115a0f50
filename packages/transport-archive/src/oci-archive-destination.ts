import {
  digestAlgorithm,
  digestHex,
  TransloadError,
  type Descriptor,
  type DestinationTraits,
  type Digest,
  type ImageDestination,
  type ManifestRole,
  type OpenOptions,
  type OperationOptions,
  type OutgoingBlob,
  type RawManifest,
} from '@transload/contract'
import {
  emptyOciIndex,
  encodeOciIndex,
  OciCompanions,
  ociTraits,
  ReadableOciLayout,
  TarTree,
  withCompanions,
  withCosignKinds,
  withManifest,
  type OciCompanion,
  type OciLayerOptions,
} from '@transload/formats'

import { openArchiveTarget, type ArchiveTarget } from './archive-target.ts'
import type { OciArchiveReference } from './oci-archive-reference.ts'

/** What is at the path is replaced, at commit. What was written to a pipe cannot be looked at again. */
export async function openOciArchiveDestination(
  reference: OciArchiveReference,
  layers: OciLayerOptions,
  { tempDirectory, signal }: OpenOptions,
): Promise<ImageDestination> {
  const target = await openArchiveTarget(reference.path, { tempDirectory, signal, entryMode: 0o644 })
  const traits = ociTraits(layers)
  return target.isPipe
    ? new OciArchiveDestination(reference, { ...traits, concurrency: 1 }, target)
    : new OciArchiveFileDestination(reference, traits, target, tempDirectory)
}

class OciArchiveDestination implements ImageDestination {
  readonly reference: OciArchiveReference
  readonly traits: DestinationTraits
  readonly #target: ArchiveTarget
  readonly #stored = new Set<Digest>()
  readonly #companions: OciCompanion[] = []
  #root: RawManifest | undefined

  constructor(reference: OciArchiveReference, traits: DestinationTraits, target: ArchiveTarget) {
    this.reference = reference
    this.traits = traits
    this.#target = target
  }

  async writeBlob(blob: OutgoingBlob, options?: OperationOptions): Promise<void> {
    const { digest, body, size } = blob
    const name = digest ? blobPath(digest) : () => blobPath(blob.written().digest)
    await this.#target.tar.addFile({ name, body, size }, options)
  }

  async writeManifest(manifest: RawManifest, options: OperationOptions & ManifestRole): Promise<void> {
    const { digest, bytes } = manifest
    options.signal?.throwIfAborted()
    if (!this.#stored.has(digest)) await this.#target.tar.addBytes(blobPath(digest), bytes, options)
    this.#stored.add(digest)
    if (options.root) this.#root = manifest
    else if (options.referrer || options.tag !== undefined) this.#companions.push({ manifest, name: options.tag })
  }

  async commit(options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    const { tar } = this.#target
    const root = this.#root
    if (!root) throw new TransloadError('IO', `oci-archive:${this.reference.text}: no manifest was written`)
    const { mediaType, digest, bytes } = root
    const named = withManifest(emptyOciIndex, { mediaType, digest, size: bytes.length }, this.reference.image)
    const index = withCosignKinds(withCompanions(named, this.#companions), digest)
    await tar.addBytes('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'), options)
    await tar.addBytes('index.json', encodeOciIndex(index), options)
    await tar.finish(options)
    await this.#target.publish(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]()
  }
}

class OciArchiveFileDestination extends OciArchiveDestination {
  readonly #tempDirectory: string
  readonly #opened = new AsyncDisposableStack()
  #committed = false
  #reading: Promise<OciCompanions> | undefined

  constructor(reference: OciArchiveReference, traits: DestinationTraits, target: ArchiveTarget, tempDirectory: string) {
    super(reference, traits, target)
    this.#tempDirectory = tempDirectory
  }

  override async commit(options?: OperationOptions): Promise<void> {
    await super.commit(options)
    this.#committed = true
  }

  async *readReferrers(
    subject: Digest,
    options?: OperationOptions & { readonly artifactType?: string | undefined },
  ): AsyncGenerator<Descriptor> {
    const companions = await this.#readCompanions()
    if (companions) yield* companions.readReferrers(subject, options)
  }

  async readTagged(tag: string, options?: OperationOptions): Promise<RawManifest | undefined> {
    return await (await this.#readCompanions())?.readTagged(tag, options)
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
    await super[Symbol.asyncDispose]()
  }

  /** Undefined as long as there is no archive, or another one that is going to be replaced. */
  async #readCompanions(): Promise<OciCompanions | undefined> {
    return this.#committed ? await (this.#reading ??= this.#reopen()) : undefined
  }

  async #reopen(): Promise<OciCompanions> {
    const tree = this.#opened.use(await TarTree.open(this.reference.path, { tempDirectory: this.#tempDirectory }))
    const layout = new ReadableOciLayout(tree)
    return new OciCompanions(layout, await layout.readIndex())
  }
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`
}
