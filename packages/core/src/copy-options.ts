import {
  TransloadError,
  type BlobInfoCache,
  type Digest,
  type LayerDecryptor,
  type LayerEncryptor,
  type Log,
  type OpenOptions,
  type OperationOptions,
  type Platform,
  type Signer,
  type TrustPolicy,
} from '@transload/contract'

import type { CopyPlan } from './copy-plan.ts'
import { defaultPlatform } from './default-platform.ts'
import type { ImageSelection } from './image-selection.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { ProgressSink } from './progress.ts'

/** `docker`: v2 schema 2, and its lists. `schema1`: signed v2 schema 1, in such lists. */
export type ManifestFormat = 'oci' | 'docker' | 'schema1'

export type CompressionFormat = 'gzip' | 'zstd' | 'zstd:chunked'

/** All optional; `resolveCopyOptions` fills the defaults in once. */
export interface CopyOptions extends OperationOptions {
  /** Default `system`. */
  readonly images?: ImageSelection | undefined
  /** The platform wanted of an index. Default: the running system's, without a variant. */
  readonly platform?: Platform | undefined
  /** The manifest family at the destination. Default: the source's, where the destination takes it. */
  readonly format?: ManifestFormat | undefined
  /** Fail rather than change any manifest. */
  readonly preserveDigests?: boolean | undefined
  /**
   * Also copy what refers to the images copied and to their index (signatures, SBOMs and the like), and what refers to
   * that: by its subject (OCI 1.1), or by a tag made of the digest, as cosign's `.sig`, `.att` and `.sbom`. If anything
   * does, no manifest is changed. The destination has to be able to keep it, and is asked afterwards whether it did.
   * With `removeSignatures` it is all but signatures.
   */
  readonly withReferrers?: boolean | undefined
  /** Do not carry signatures over. Without it, signatures the destination cannot hold are an error. */
  readonly removeSignatures?: boolean | undefined
  /**
   * Each adds a signature, in this order and behind those carried over, to every image copied and to its indexes. Who
   * made them disposes them. Signing comes before the root manifest is written: what fails leaves nothing under its name.
   */
  readonly signers?: readonly Signer[] | undefined
  /** What new signatures call the image: a Docker reference with a tag or digest. Default: the destination's. */
  readonly signIdentity?: string | undefined
  /** What becomes of layers. Default: the destination's `layers` trait. */
  readonly layers?: 'as-is' | 'compressed' | 'uncompressed' | undefined
  /** Compression of layers that are compressed on the way, and, said explicitly, of those compressed otherwise. Default gzip. */
  readonly compressionFormat?: CompressionFormat | undefined
  /**
   * gzip 0–9, default 4, or -2 for Huffman coding alone; zstd 1–22, default 3, zstd:chunked 7, what is beyond counts as
   * the nearest. Looked at when a layer is compressed.
   */
  readonly compressionLevel?: number | undefined
  /**
   * Put layers that are re-encoded aside in `tempDirectory` first, so that those the destination has already are not sent
   * again.
   */
  readonly precomputeDigests?: boolean | undefined
  /** Also re-encode, and do not reuse, layers compressed in another format. */
  readonly forceCompressionFormat?: boolean | undefined
  /** Encrypts layers, after they were compressed. Needs a destination that takes OCI manifests. Not with `decryptor`. */
  readonly encryptor?: LayerEncryptor | undefined
  /** The layers to encrypt, from 0, negative ones from the end. Default: all. */
  readonly encryptLayers?: readonly number[] | undefined
  /** Decrypts layers, and fails the copy if it cannot. Without it encrypted layers are copied as they are. */
  readonly decryptor?: LayerDecryptor | undefined
  /** Blobs moving at once: at most this, and what source and destination allow. Default 16, 6 of them larger than 512 KiB. */
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
  /** Of the source's blobs; what was made for another format (a config, an empty layer) does not count. */
  readonly blobs: { readonly copied: number; readonly reused: number; readonly bytes: number }
}

/** {@link CopyOptions} with the defaults in place. What stays optional has a default that depends on the images. */
export interface ResolvedCopyOptions extends OpenOptions {
  readonly images: ImageSelection
  readonly platform: Platform
  readonly format: CopyOptions['format']
  readonly preserveDigests: boolean
  readonly removeSignatures: boolean
  readonly signers: readonly Signer[]
  readonly signIdentity: string | undefined
  readonly layers: CopyOptions['layers']
  readonly compressionFormat: CopyOptions['compressionFormat']
  readonly compressionLevel: number | undefined
  readonly forceCompressionFormat: boolean
  readonly precomputeDigests: boolean
  readonly encryptor: LayerEncryptor | undefined
  readonly encryptLayers: readonly number[]
  readonly decryptor: LayerDecryptor | undefined
  readonly concurrency: number
  readonly largeBlobConcurrency: number
  readonly policy: TrustPolicy | undefined
  readonly progress: ProgressSink
}

/** Small blobs are round trips more than bytes. */
const defaultConcurrency = 16
const defaultLargeBlobConcurrency = 6

/** Throws CONFIG_INVALID for values that make no sense. */
export function resolveCopyOptions(options: CopyOptions): ResolvedCopyOptions {
  const { concurrency = defaultConcurrency } = options
  if (options.forceCompressionFormat && options.compressionFormat === undefined) {
    throw invalid('cannot use ForceCompressionFormat with undefined default compression format')
  }
  if (options.encryptor && options.decryptor) {
    throw invalid('Unable to support both decryption and encryption in the same copy')
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw invalid(`concurrency has to be a whole number from 1, not ${concurrency}`)
  }
  return {
    images: options.images ?? 'system',
    platform: options.platform ?? defaultPlatform(),
    format: options.format,
    preserveDigests: options.preserveDigests ?? false,
    removeSignatures: options.removeSignatures ?? false,
    signers: options.signers ?? [],
    signIdentity: options.signIdentity,
    layers: options.layers,
    compressionFormat: resolveFormat(options),
    compressionLevel: options.compressionLevel,
    forceCompressionFormat: options.forceCompressionFormat ?? false,
    precomputeDigests: options.precomputeDigests ?? false,
    encryptor: options.encryptor,
    encryptLayers: options.encryptLayers ?? [],
    decryptor: options.decryptor,
    concurrency,
    largeBlobConcurrency: options.concurrency ?? defaultLargeBlobConcurrency,
    policy: options.policy,
    progress: options.progress ?? (() => undefined),
    ...resolveOpenOptions(options),
  }
}

/** The part of the options that transports are given. */
export function resolveOpenOptions(
  options: Pick<CopyOptions, 'cache' | 'tempDirectory' | 'log' | 'signal'>,
): OpenOptions {
  return {
    cache: options.cache ?? createMemoryBlobInfoCache(),
    tempDirectory: options.tempDirectory ?? '/var/tmp',
    log: options.log ?? (() => undefined),
    signal: options.signal,
  }
}

/** Nobody can fetch parts of an encrypted layer (copy-engine.md §5.6). */
function resolveFormat(options: CopyOptions): CopyOptions['compressionFormat'] {
  const { compressionFormat, forceCompressionFormat, encryptor, log } = options
  if (compressionFormat !== 'zstd:chunked' || !encryptor) return compressionFormat
  if (forceCompressionFormat) {
    throw invalid(
      'explicitly requested to combine zstd:chunked with encryption, which is not beneficial; use plain zstd instead',
    )
  }
  log?.('warn', 'Compression using zstd:chunked is not beneficial for encrypted layers, using plain zstd instead')
  return 'zstd'
}

function invalid(message: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', message)
}
