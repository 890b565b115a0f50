import type { Descriptor, Digest, Platform } from '@transload/contract'

import type { CompressionFormat } from './copy-options.ts'

/**
 * What happens to a blob on the way.
 *
 * - `none` its bytes are stored as they are; `skip` it stays at its URLs and is not moved at all
 * - `decompress`, `gzip`, `zstd`, `zstd:chunked` a layer is re-encoded
 * - `convert` an image config is rewritten for another manifest format
 */
export type BlobEdit = 'none' | 'skip' | 'decompress' | CompressionFormat | 'convert'

/**
 * How a layer's bytes have to be at the destination. `compressed`: in any format, and gzip for those that are not
 * compressed; `gzip`, `zstd` and `zstd:chunked`: in that very format, or, for zstd, in any kind of it.
 */
export type LayerEncoding = 'as-is' | 'uncompressed' | 'compressed' | CompressionFormat

export interface PlannedBlob {
  readonly role: 'config' | 'layer'
  /** As the source describes it. */
  readonly blob: Descriptor
  readonly encoding: LayerEncoding
  /** The digest of the layer decompressed is needed for the image's config, so it has to be read if that is not known. */
  readonly needsDiffId?: true
  /** What `encoding` means for a blob of this media type. When bytes and media type disagree, the bytes decide. */
  readonly edit: BlobEdit
  /** A layer is decrypted before it is re-encoded, or encrypted after that. */
  readonly crypto?: 'encrypt' | 'decrypt'
}

export interface PlannedSignatures {
  /** `drop`: they are not even read. */
  readonly fate: 'none' | 'carry' | 'drop'
  /** How many are carried over. */
  readonly count: number
  /** How many are made; absent if none are. */
  readonly added?: number
}

export interface PlannedManifest {
  /** Where the source's index names it: its position, or, if that is in an index in it, the positions down to it. */
  readonly path?: readonly number[]
  /** As read from the source. */
  readonly manifest: Descriptor
  /** The media type written. */
  readonly mediaType: string
  /** Why these bytes may not change (skopeo's words); absent: they may. */
  readonly unmodifiable?: string
  readonly signatures: PlannedSignatures
}

export interface PlannedImage extends PlannedManifest {
  readonly platform?: Platform
  /** Absent if the image has no config of its own, or gets one made or taken from it: Docker schema 1 has none. */
  readonly config?: PlannedBlob
  /** What the schema 1 manifest that is written calls the image, unless it does so already. */
  readonly embeddedName?: { readonly name: string; readonly tag: string }
  readonly layers: readonly PlannedBlob[]
  /** The source offers other layers than its manifest names, so the manifest has to be rewritten. */
  readonly replacesLayers: boolean
}

export interface PlannedIndex extends PlannedManifest {
  /** Images the index names, in indexes in it too; `CopyPlan.images` may be fewer. */
  readonly listed: number
  /** Of the images that are not copied: their entries stay, or go. */
  readonly others: 'keep' | 'strip'
}

export interface PlannedReferrer {
  readonly manifest: Descriptor
  /** What it is found by: the manifest it refers to, its own tags, or both. Neither for a part of an index that is. */
  readonly subject?: Digest
  readonly tags?: readonly string[]
  /** None for an index. */
  readonly blobs: readonly PlannedBlob[]
}

/** Everything a copy is going to do, as plain JSON data, made before the first byte is written. */
export interface CopyPlan {
  /** `scheme:text` */
  readonly source: string
  readonly destination: string
  /** What the signatures made call the image; absent if none are made. */
  readonly signIdentity?: string
  /** Present when an index is written; absent when one image is, even if it was chosen from an index. */
  readonly index?: PlannedIndex
  /** Indexes in the index, each before the one it is in; absent if there are none. */
  readonly nested?: readonly PlannedIndex[]
  readonly images: readonly PlannedImage[]
  /** What refers to all of these, in the order it is written, before the root; absent if nothing does, or it stays. */
  readonly referrers?: readonly PlannedReferrer[]
}
