import { HttpError, TransloadError, type OutgoingBlob } from '@transload/contract'

import { heldBlobSize } from './blob-presence.ts'
import type { BodyCursor } from './body-cursor.ts'
import { isBrokenConnection } from './http/connection-error.ts'
import type { RegistryClient } from './registry-client.ts'
import { pauseBeforeRetry } from './retry.ts'
import {
  cancelUpload,
  findUpload,
  finishUpload,
  isUploadGone,
  patchUpload,
  type Upload,
  type UploadOptions,
} from './upload.ts'

/** How far an upload has come: `offset` bytes are with the registry. */
interface Progress {
  readonly upload: Upload
  readonly offset: number
}

/**
 * Sends a blob too large to be held, in one request, or in chunks where bodies of its size are refused. When a request
 * fails in a way that may pass, the registry is asked how much it has, and the upload goes on from there: with bytes not
 * yet sent, or read again. Throws a `retryable` error where only starting the blob again can help, the body's own error
 * as it is, and cancels the upload if it fails. `body` is that of `blob`, and is left to the caller to dispose.
 */
export async function sendLargeBlob(
  client: RegistryClient,
  upload: Upload,
  blob: OutgoingBlob,
  body: BodyCursor,
  options: UploadOptions,
): Promise<void> {
  const large = new LargeUpload(client, blob, body, options)
  await large.run(upload)
}

class LargeUpload {
  readonly #client: RegistryClient
  readonly #blob: OutgoingBlob
  readonly #body: BodyCursor
  readonly #options: UploadOptions
  /** Size of the body sent last, or the most it could have been. */
  #sentBytes = 0
  /** Since something new arrived, or was learned. */
  #failures = 0
  /** Tokens that were refused since something new arrived. */
  #refusedTokens = 0

  constructor(client: RegistryClient, blob: OutgoingBlob, body: BodyCursor, options: UploadOptions) {
    this.#client = client
    this.#blob = blob
    this.#body = body
    this.#options = options
  }

  async run(upload: Upload): Promise<void> {
    let at: Progress = { upload, offset: 0 }
    try {
      for (;;) {
        try {
          const next = await this.#sendNext(at)
          if (!next) return
          at = next
          this.#failures = this.#refusedTokens = 0
        } catch (error) {
          const resumed = await this.#recover(at, error)
          if (!resumed) return
          if (resumed.offset > at.offset) this.#failures = this.#refusedTokens = 0
          at = resumed
        }
      }
    } catch (error) {
      cancelUpload(this.#client, at.upload, this.#options.log)
      throw error
    }
  }

  /** One request. Undefined: that was the last. */
  async #sendNext({ upload, offset }: Progress): Promise<Progress | undefined> {
    const { digest, size } = this.#blob
    if (digest === undefined || size === undefined) return await this.#sendNextUnsized({ upload, offset })
    const limit = this.#bodyLimit(upload)
    this.#sentBytes = Math.min(size - offset, limit)
    if (offset === size) {
      await finishUpload(this.#client, upload, digest, undefined, this.#options)
      return undefined
    }
    const isWhole = offset === 0 && size <= limit
    if (isWhole && size <= (this.#client.quirks.maxPutBytes ?? size)) {
      await finishUpload(this.#client, upload, digest, { size, chunks: this.#bytes(0, size) }, this.#options)
      return undefined
    }
    const part = { offset, size: this.#sentBytes, chunks: this.#bytes(offset, this.#sentBytes) }
    const next = await patchUpload(this.#client, upload, part, { ...this.#options, isWhole })
    return { upload: next, offset: offset + part.size }
  }

  /** How long it is, and its digest, is known after its end only. */
  async #sendNextUnsized({ upload, offset }: Progress): Promise<Progress | undefined> {
    if (offset === this.#body.position && !(await this.#body.hasMore())) {
      await finishUpload(this.#client, upload, this.#blob.written().digest, undefined, this.#options)
      return undefined
    }
    this.#sentBytes = this.#bodyLimit(upload)
    const part = { offset, size: undefined, chunks: this.#bytes(offset, this.#sentBytes) }
    const next = await patchUpload(this.#client, upload, part, { ...this.#options, isWhole: true })
    return { upload: next, offset: Math.min(offset + this.#sentBytes, this.#body.position) }
  }

  /** From `offset`, at most `count`. What was handed out before and did not arrive is read again. */
  async *#bytes(offset: number, count: number): AsyncGenerator<Uint8Array> {
    const end = offset + count
    const { position } = this.#body
    if (offset < position) yield* this.#blob.reread!(offset, Math.min(position, end), this.#options)
    yield* this.#body.read(end - position)
  }

  #bodyLimit({ bodyBytes: { min, max } }: Upload): number {
    if (this.#client.quirks.takesOneBody) return Number.POSITIVE_INFINITY
    return Math.max(Math.min(max, this.#client.maxBodyBytes), min)
  }

  /** Where to go on after `error`; undefined if everything is there after all. Throws if neither can be. */
  async #recover({ upload, offset }: Progress, error: unknown): Promise<Progress | undefined> {
    const { signal, log } = this.#options
    this.#body.detach()
    signal?.throwIfAborted()
    if (this.#body.failure) throw this.#body.failure.error
    if (!TransloadError.is(error)) throw error
    if (isUploadGone(error) && (await this.#isStored(upload))) return undefined
    const pauseMs = this.#pauseAfter(error, upload)
    if (pauseMs === undefined) throw error
    if (this.#client.quirks.takesOneBody) throw startAgain(error)
    log('debug', `${error.message}: asking for the rest of the upload in ${pauseMs} ms`)
    if (pauseMs > 0) await this.#client.retryRules.delay(pauseMs, { signal })
    const found = await findUpload(this.#client, upload, this.#options).catch(() => {
      signal?.throwIfAborted()
      throw startAgain(error)
    })
    if (!found) {
      if (await this.#isStored(upload)) return undefined
      throw startAgain(error)
    }
    const { position } = this.#body
    const isPossible = found.offset <= position && (found.offset === position || this.#blob.reread !== undefined)
    if (!isPossible || found.offset < offset) throw startAgain(error)
    log('info', `${error.message}: going on with the upload after ${found.offset} bytes`)
    return found
  }

  /** The answer to the last request may have been lost, and the upload with it because it was complete. */
  async #isStored({ access }: Upload): Promise<boolean> {
    const { digest, size } = this.#blob
    if (digest === undefined || size === undefined) return false
    const held = await heldBlobSize(this.#client, access, { digest, size }, this.#options).catch(() => undefined)
    return held !== undefined
  }

  /** Undefined if another try makes no sense. */
  #pauseAfter(error: TransloadError, upload: Upload): number | undefined {
    const { status, retryAfterMs } = error as Partial<HttpError>
    if (status === 413) {
      this.#failures = 0
      this.#client.lowerMaxBodyBytes(this.#sentBytes)
      return this.#bodyLimit(upload) < this.#sentBytes ? 0 : undefined
    }
    // It expired, and was forgotten. The connection may yet break for it: the server reads no more.
    if (status === 401 && error.retryable) return ++this.#refusedTokens === 1 ? 0 : undefined
    const failures = ++this.#failures
    // The registry has other bytes than we think.
    if (status === 416 && failures === 1) return 0
    // One that breaks again without any progress is left to the engine, which waits.
    if (status === undefined) return isBrokenConnection(error) && failures === 1 ? 0 : undefined
    if (status !== 429 && status < 500) return undefined
    return pauseBeforeRetry({ status, retryAfterMs }, failures, this.#client.retryRules)
  }
}

/** The same error, made to say that the blob may be tried again. */
function startAgain(error: TransloadError): TransloadError {
  if (error.retryable) return error
  const { code, message, hint } = error
  const options = { cause: error, hint, retryable: true }
  if (!(error instanceof HttpError)) return new TransloadError(code, message, options)
  return new HttpError(code, message, { ...options, status: error.status, serverCodes: error.serverCodes })
}
