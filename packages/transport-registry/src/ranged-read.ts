import { TransloadError, type Digest } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { contentRange, readPart, requestPart, type ReadOptions } from './blob-part.ts'
import type { FollowedResponse } from './http/redirects.ts'
import type { RegistryClient } from './registry-client.ts'

/** What one request asks for, and what is held of it while the bytes before it come. */
const rangeBytes = 2 * 1024 * 1024
/** With less to go the requests would not pay. */
const minRangedBytes = 32 * 1024 * 1024
/** Over all blobs of one registry: it bounds what is held. */
const maxOpenReads = 6
const minWidth = 2

/** Are so many bytes worth being read in ranges, and is there room for them? */
export function mayGainByRanges({ mayReadInRanges, openReads }: RegistryClient, bytes: number): boolean {
  return mayReadInRanges && bytes >= minRangedBytes && openReads < maxOpenReads / 2
}

/** The range that begins at `start`. */
export function rangeAt(start: number, size: number): { readonly start: number; readonly end: number } {
  return { start, end: Math.min(start + rangeBytes, size) }
}

/** Undefined if the registry gives anything but that range; it is not asked for ranges again then. */
export async function requestRange(
  client: RegistryClient,
  digest: Digest,
  access: Access,
  range: { readonly start: number; readonly end: number },
  options: ReadOptions,
): Promise<FollowedResponse | undefined> {
  try {
    const response = await requestPart(client, digest, access, range, options)
    const answered = contentRange(response)
    if (answered?.start === range.start && answered.end === range.end) return response
    await response.discard()
  } catch (error) {
    options.signal?.throwIfAborted()
    options.log('debug', `asking for a part of blob ${digest} failed: ${(error as Error).message}`)
  }
  client.mayReadInRanges = false
  return undefined
}

/**
 * The rest of a blob in ranges, several at once, in order: many registries and the stores behind them limit the rate of
 * a single connection. `first` is the answer with the first range. While the reader waits for bytes connections are
 * added; when bytes wait for the reader there are fewer, down to two. Throws what reading a range throws.
 */
export async function* readInRanges(
  client: RegistryClient,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  access: Access,
  first: { readonly start: number; readonly response: FollowedResponse },
  { log, signal: given }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const ended = new AbortController()
  const options = { log, signal: given ? AbortSignal.any([given, ended.signal]) : ended.signal }
  const read = async function* (start: number, response?: FollowedResponse): AsyncGenerator<Uint8Array> {
    const range = rangeAt(start, size)
    client.openReads++
    try {
      const answer = response ?? (await requestRange(client, digest, access, range, options))
      if (!answer) throw noRange(digest)
      yield* readPart(client, digest, access, range, answer, options)
    } finally {
      client.openReads--
    }
  }
  const window = [new HeldPart(read(first.start, first.response))]
  let next = rangeAt(first.start, size).end
  let width = 1
  try {
    for (;;) {
      const isAhead = window[0]?.isComplete ?? false
      width = isAhead ? Math.max(minWidth, width - 1) : Math.min(maxOpenReads, width * 2)
      while (next < size && window.length < width && (window.length === 0 || client.openReads < maxOpenReads)) {
        window.push(new HeldPart(read(next)))
        next = rangeAt(next, size).end
      }
      const [part] = window
      if (!part) return
      yield* part.take()
      window.shift()
    }
  } catch (error) {
    if (!given?.aborted) client.mayReadInRanges = false
    throw error
  } finally {
    ended.abort(new Error('the blob is not read any further'))
    await Promise.all(window.map((part) => part.ended))
  }
}

function noRange(digest: Digest): TransloadError {
  const options = { hint: 'Trying again reads it over one connection.', retryable: true }
  return new TransloadError('PROTOCOL', `blob ${digest}: the registry gives no more parts of it`, options)
}

/** Reads at once, and holds what nobody took yet. */
class HeldPart {
  /** Never rejects. */
  readonly ended: Promise<void>
  #chunks: Uint8Array[] = []
  #isEnded = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.ended = this.#read(chunks)
  }

  get isComplete(): boolean {
    return this.#isEnded
  }

  async *take(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) {
        yield chunk
      } else if (this.#failure) {
        throw this.#failure.error
      } else if (this.#isEnded) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
  }

  async #read(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of chunks) {
        this.#chunks.push(chunk)
        this.#wake?.()
      }
    } catch (error) {
      this.#failure = { error }
    }
    this.#isEnded = true
    this.#wake?.()
  }
}
