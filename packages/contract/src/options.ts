import type { Digest } from './digest.ts'
import type { Descriptor } from './manifest.ts'

/** Last parameter of everything asynchronous. An aborted call rejects with `signal.reason`. */
export interface OperationOptions {
  readonly signal?: AbortSignal | undefined
}

export type LogLevel = 'debug' | 'info' | 'warn'

/** Diagnostics for a person debugging; progress goes elsewhere. Never given a secret. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

export interface OpenOptions extends OperationOptions {
  readonly cache: BlobInfoCache
  /** For big temporary files. Whoever makes one removes it. */
  readonly tempDirectory: string
  readonly log: Log
}

/** Knowledge that outlives one copy. Never throws: a broken cache is an empty one. */
export interface BlobInfoCache {
  /** Places in `scope` (a transport's own notion, such as a registry host) likely to hold `blob`; best first. */
  locations(scope: string, blob: Digest): Promise<readonly string[]>
  rememberLocation(scope: string, blob: Digest, location: string): Promise<void>
  /** The digest of `blob` decompressed. Only the engine records pairs, and only for bytes it hashed itself. */
  uncompressed(blob: Digest): Promise<Digest | undefined>
  rememberUncompressed(blob: Digest, uncompressed: Digest): Promise<void>
  /**
   * Other blobs that are the same as `blob` once decompressed, and may be in `scope`: at most five whose place is known,
   * last seen first, then at most two that may be anywhere.
   */
  substitutes?(scope: string, blob: Digest): Promise<readonly BlobSubstitute[]>
  /** How `blob` is compressed, and what a layer's descriptor says of that. Recorded by the same rules as pairs. */
  rememberCompression?(blob: Digest, compression: string, annotations?: Descriptor['annotations']): Promise<void>
}

/** A blob with the same content as another. */
export interface BlobSubstitute {
  readonly digest: Digest
  /** `none`, `gzip`, `zstd`, `zstd:chunked`, `bzip2` or `xz`. */
  readonly compression: string
  readonly annotations?: NonNullable<Descriptor['annotations']>
  /** Where in the scope it was seen. */
  readonly location?: string
}
