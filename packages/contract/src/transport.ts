import type { Digest } from './digest.ts'
import type { Descriptor, RawManifest } from './manifest.ts'
import type { OpenOptions, OperationOptions } from './options.ts'
import type { ImageReference } from './reference.ts'
import type { SignatureReader, SignatureWriter } from './signatures.ts'

/** The contract's version. A plugin states the one it was written for in its package.json (`transload.api`). */
export const contractVersion = 1

/** A kind of place that holds images. Everything but `scheme` and `parse` is a capability it may lack. */
export interface Transport<R extends ImageReference = ImageReference> {
  readonly scheme: string
  /**
   * Lexical: no I/O, no environment. Relative paths are relative to `directory`.
   * Throws REFERENCE_INVALID, saying what would be valid.
   */
  parse(text: string, directory: string): R
  /** Throws MANIFEST_UNKNOWN when the place can be read and holds no such image. */
  openSource?(reference: R, options: OpenOptions): Promise<ImageSource>
  /**
   * The place will be opened as a destination, if the source turns out to exist: starts what that will need first, such
   * as connecting, and waits for nothing. Changes nothing, and does not throw: what fails here fails again when opening.
   */
  prepareDestination?(reference: R, options: OpenOptions): void
  /** Changes nothing a reader of the destination could see: that is `commit`'s. */
  openDestination?(reference: R, options: OpenOptions): Promise<ImageDestination>
  removeImage?(reference: R, options: OpenOptions): Promise<void>
  /**
   * Takes away the tag of the reference and nothing else: its manifest, and other tags of that, stay. Throws
   * MANIFEST_UNKNOWN when there is none, REFERENCE_INVALID for a reference that names no tag, or more.
   */
  removeTag?(reference: R, options: OpenOptions): Promise<void>
  /** Tags in the place's own order. */
  listTags?(reference: R, options: OpenOptions): AsyncIterable<string>
  /** Releases what outlives one image: pooled connections, tokens. Idempotent. */
  close?(): Promise<void>
}

/** Default export of a transport module. Options are the plugin's own; it validates them and throws CONFIG_INVALID. */
export type TransportFactory = (options?: Readonly<Record<string, unknown>>) => Transport

/** What goes along with an image without being part of it. */
export interface CompanionReader {
  /**
   * The manifests of the same place that refer to `subject`, with `artifactType` and annotations; of one artifact type,
   * if that is given. None if there are none, or no such subject. Lazy. `readManifest` of a source reads them.
   */
  readReferrers?(
    subject: Digest,
    options?: OperationOptions & { readonly artifactType?: string | undefined },
  ): AsyncIterable<Descriptor>
  /** What another tag of the same place names, such as that of a signature; undefined if there is none. */
  readTagged?(tag: string, options?: OperationOptions): Promise<RawManifest | undefined>
}

/** One image, or one index and its images, being read. Methods may be called concurrently. */
export interface ImageSource extends CompanionReader, AsyncDisposable {
  /** What the user meant, made explicit (symlinks, short names), never what a mirror or redirect made of it. Trust looks here. */
  readonly reference: ImageReference
  /** No digest: whatever the reference points at. Throws MANIFEST_UNKNOWN. */
  readManifest(digest: Digest | undefined, options?: OperationOptions): Promise<RawManifest>
  /** Up to `count` blobs will be read soon: starts what that needs first, such as connecting. Neither waits nor throws. */
  prepareBlobs?(count: number): void
  /**
   * Lazy: nothing is opened until iteration starts, and ending it early releases everything, so write it as
   * `async *readBlob`. Yields raw bytes; the engine verifies them. May resume internally after a dropped connection.
   * Chunks of 64 KiB and more are worth the trouble: their number is what a copy costs. Each chunk is the
   * receiver's to keep: a buffer is not reused while anybody may still hold it.
   * Throws BLOB_UNKNOWN.
   */
  readBlob(blob: Descriptor, options?: OperationOptions): AsyncIterable<Uint8Array>
  /**
   * As `readBlob`, without the first `offset` bytes; for places where skipping is cheaper than reading. Absent: whoever
   * needs that reads from the beginning.
   */
  readBlobFrom?(blob: Descriptor, offset: number, options?: OperationOptions): AsyncIterable<Uint8Array>
  /**
   * Where a blob lies as a plain file of exactly its bytes, if it does. The engine may then copy, link or
   * reflink it instead of reading it through; it verifies all the same.
   */
  blobFile?(blob: Descriptor, options?: OperationOptions): Promise<string | undefined>
  /** At most this many readBlob iterations at once; absent: no limit of its own. */
  readonly concurrency?: number
  /** Layers to read in place of those in the manifest, where the place stores them in another encoding. */
  layersForCopy?(manifest: RawManifest, options?: OperationOptions): Promise<readonly Descriptor[]>
  readonly signatures?: SignatureReader
}

/** What a destination can take: constant data, so the plan can be made without asking twice. */
export interface DestinationTraits {
  /** Accepted manifest types, preferred first; absent: any. */
  readonly manifestTypes?: readonly string[]
  /** Takes other types too, where the user asks for one or an image may not change: `manifestTypes` is a preference. */
  readonly anyManifestTypeOnRequest?: boolean
  readonly layers?: 'as-is' | 'compressed' | 'uncompressed'
  /** Can hold an index with several images. */
  readonly multiImage?: boolean
  /** Why the destination has no `signatures`, for the message that it has none. */
  readonly noSignaturesReason?: string
  /** Takes manifests as `referrer`s, and under a `tag` of their own. */
  readonly referrers?: boolean
  /** Leaves layers that live at foreign URLs where they are. */
  readonly keepsForeignLayers?: boolean
  readonly hostPlatformOnly?: boolean
  /** At most this many writeBlob calls at once; absent: no limit of its own. */
  readonly concurrency?: number
}

/** A blob on its way in. The engine has already wrapped `body` with verification and hashing. */
export interface OutgoingBlob {
  readonly role: 'config' | 'layer' | 'other'
  readonly mediaType: string
  /** Known up front unless the engine is re-encoding on the way. */
  readonly digest?: Digest | undefined
  readonly size?: number | undefined
  /** Throws, possibly after the last byte, if the content is wrong. Then nothing may remain stored. */
  readonly body: AsyncIterable<Uint8Array>
  /**
   * The same bytes as a plain file, when the source has one. A destination on the same disk may clone it
   * (`COPYFILE_FICLONE`) in place of writing `body`; it still drains `body` to the end, which is the verification.
   */
  readonly file?: string | undefined
  /**
   * Bytes `start` up to, not including, `end` once more, of those `body` has yielded: for a place that lost them on the
   * way. They are not verified again, so only a place that checks the digest of the whole may use them. Absent where
   * the bytes are made on the way.
   */
  readonly reread?: ((start: number, end: number, options?: OperationOptions) => AsyncIterable<Uint8Array>) | undefined
  /** Digest and size of what `body` yielded. Only after it ended. Saves every transport a second hash. */
  written(): Descriptor
}

/** A manifest's place in what is written. */
export interface ManifestRole {
  /** The manifest the reference is to name. */
  readonly root: boolean
  /** No part of the image, but to be found by its subject; only if `traits.referrers`, and never the root. */
  readonly referrer?: boolean
  /** No part of the image, but to be found by this tag beside it; as `referrer`, and a manifest may be both. */
  readonly tag?: string
}

/**
 * One image being written. Order: blobs, manifests (children before root), signatures, commit.
 * Disposing without commit abandons the write; nothing it did may be visible under the reference. As a CompanionReader
 * it tells, after `commit`, what readers of the place now find there; absent where nobody can look again, as in a pipe.
 */
export interface ImageDestination extends CompanionReader, AsyncDisposable {
  readonly reference: ImageReference
  readonly traits: DestinationTraits
  writeBlob(blob: OutgoingBlob, options?: OperationOptions): Promise<void>
  writeManifest(manifest: RawManifest, options: OperationOptions & ManifestRole): Promise<void>
  commit(options?: OperationOptions): Promise<void>
  /**
   * Present already, or obtainable without bytes (a mount, a link)? Returns what it will use, with its size even where
   * that of `blob` is unknown, else undefined.
   */
  reuseBlob?(blob: Descriptor, options: ReuseOptions): Promise<ReusedBlob | undefined>
  readonly signatures?: SignatureWriter
}

export interface ReuseOptions extends OperationOptions {
  /** Where the image comes from: the blob may be obtainable from there. */
  readonly from: ImageReference
  /** Another blob with the same content may take its place ({@link BlobInfoCache.substitutes}). */
  readonly substitutes: boolean
  /** How such a blob may be compressed; absent: in any way. */
  readonly compressions?: readonly string[] | undefined
}

export interface ReusedBlob extends Descriptor {
  /** Of a blob that takes the other's place; its annotations are then what has to be said of that. */
  readonly compression?: string
}
