import type { BlobInfoCache, Digest, Log, OperationOptions, Platform, TrustPolicy } from '@transload/contract'

import type { CopyPlan } from './copy-plan.ts'
import type { ProgressSink } from './progress.ts'

/** What of an index is copied: the instance for one platform, everything, or the index manifest alone. */
export type ImageSelection = 'system' | 'all' | 'index-only'

export type CompressionFormat = 'gzip' | 'zstd'

/** All optional; `resolveCopyOptions` fills the defaults in once. */
export interface CopyOptions extends OperationOptions {
  /** Default `system`. */
  readonly images?: ImageSelection | undefined
  /** The platform wanted of an index. Default: the running system's, without a variant. */
  readonly platform?: Platform | undefined
  /** The manifest family at the destination. Default: the source's, where the destination takes it. */
  readonly format?: 'oci' | 'docker' | undefined
  /** Fail rather than change any manifest. */
  readonly preserveDigests?: boolean | undefined
  /** Do not carry signatures over. Without it, signatures the destination cannot hold are an error. */
  readonly removeSignatures?: boolean | undefined
  /** What becomes of layers. Default: the destination's `layers` trait. */
  readonly layers?: 'as-is' | 'compressed' | 'uncompressed' | undefined
  /** Compression of layers that are compressed on the way, and, said explicitly, of those compressed otherwise. Default gzip. */
  readonly compressionFormat?: CompressionFormat | undefined
  /** gzip 0–9, zstd 1–22. */
  readonly compressionLevel?: number | undefined
  /** Also re-encode, and do not reuse, layers compressed in another format. */
  readonly forceCompressionFormat?: boolean | undefined
  /** Blobs moving at once: at most this, and what source and destination allow. Default 6. */
  readonly concurrency?: number | undefined
  /** Decides before anything is read or changed. Default: accept. */
  readonly policy?: TrustPolicy | undefined
  /** Work out the plan and stop: nothing is written. */
  readonly dryRun?: boolean | undefined
  readonly progress?: ProgressSink | undefined
  /** Default: kept in memory for this copy. */
  readonly cache?: BlobInfoCache | undefined
  /** Default `/var/tmp`. */
  readonly tempDirectory?: string | undefined
  /** Default: nowhere. */
  readonly log?: Log | undefined
}

export interface CopyResult {
  readonly plan: CopyPlan
  /** Digest and type of the root manifest as written; with `dryRun`, as far as the plan can tell, else undefined. */
  readonly digest: Digest | undefined
  readonly mediaType: string
  /** The root manifest as written (as read, with `dryRun`). */
  readonly bytes: Uint8Array
  readonly blobs: { readonly copied: number; readonly reused: number; readonly bytes: number }
}
