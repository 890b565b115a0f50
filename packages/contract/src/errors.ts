export interface TransloadErrorOptions {
  readonly cause?: unknown
  /** What to do about it, for a person; the CLI prints it on a line of its own. */
  readonly hint?: string | undefined
  /** The same operation may succeed if it is simply tried again. */
  readonly retryable?: boolean | undefined
}

// In the global registry, so that two copies of this package in one process recognise each other's errors.
const brand: unique symbol = Symbol.for('transload.error') as never

/**
 * Every error transload throws on purpose. Switch on `code`; subclasses only carry data. The codes in use
 * (a plugin's own start with its scheme, `S3_BUCKET_LOCKED`):
 *
 * - `REFERENCE_INVALID` an image name that cannot be parsed; `USAGE` a command line that cannot be understood
 * - `MANIFEST_UNKNOWN` the image, tag or digest does not exist; `BLOB_UNKNOWN`, `NAME_UNKNOWN` likewise
 * - `MANIFEST_INVALID` a manifest that cannot be parsed or is ambiguous; `CONFIG_INVALID` a configuration file or option
 * - `DIGEST_MISMATCH`, `SIZE_MISMATCH` content is not what its descriptor says; `SIZE_LIMIT` more bytes than allowed
 * - `SIGNATURE_INVALID` a signature that does not prove what it says, or says nothing that can be understood
 * - `DECRYPTION_FAILED` no key fits an encrypted layer, no passphrase an encrypted key, or it is not what was encrypted
 * - `UNAUTHENTICATED`, `DENIED`, `RATE_LIMITED`, `UNAVAILABLE`, `NETWORK`, `TLS`, `PROTOCOL`, `UNSUPPORTED`
 * - `DESTINATION_EXISTS`, `CONVERSION_IMPOSSIBLE`, `SIGNATURES_LOST`, `TRUST_REJECTED`, `PLATFORM_UNKNOWN`
 * - `REFERRERS_LOST` what refers to an image cannot be kept at the destination, or is not found there afterwards
 * - `PLUGIN_CONFLICT`, `PLUGIN_UNKNOWN`, `PLUGIN_INCOMPATIBLE`, `ABORTED`, `IO`
 */
export class TransloadError extends Error {
  readonly code: string
  readonly hint: string | undefined
  readonly retryable: boolean

  constructor(code: string, message: string, options: TransloadErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.hint = options.hint
    this.retryable = options.retryable ?? false
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for an error of any copy of this package; with `code`, only for that code. */
  static is(value: unknown, code?: string): value is TransloadError {
    return (
      value instanceof Error &&
      (value as unknown as Record<symbol, unknown>)[brand] === true &&
      (code === undefined || (value as TransloadError).code === code)
    )
  }
}

export interface HttpErrorOptions extends TransloadErrorOptions {
  readonly status: number
  /** `errors[].code` of the response body, in order; the standard's where a registry is known to say it otherwise. */
  readonly serverCodes?: readonly string[]
  /** How long the server asked to wait before the next try (`Retry-After`). */
  readonly retryAfterMs?: number | undefined
}

/** What an HTTP server said. `status` is its status code. */
export class HttpError extends TransloadError {
  readonly status: number
  readonly serverCodes: readonly string[]
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, options: HttpErrorOptions) {
    super(code, message, options)
    this.status = options.status
    this.serverCodes = options.serverCodes ?? []
    this.retryAfterMs = options.retryAfterMs
  }
}
