import type { Digest } from './digest.ts'

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
}
