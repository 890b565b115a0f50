import { displayUrl, TransloadError, type Digest, type Log, type OperationOptions } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { isBrokenConnection } from './http/connection-error.ts'
import type { FollowedResponse } from './http/redirects.ts'
import type { RegistryClient } from './registry-client.ts'

export type ReadOptions = OperationOptions & { readonly log: Log }

/** Bytes `start` up to, not including, `end`; without `end` all there are. */
export interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

const minProgressBytes = 1024 * 1024
const minResumeIntervalMs = 60_000
const resumeDelayMs = 1000

/** Asks for a part of a blob, or all of it; any status is an answer. */
export async function requestPart(
  client: RegistryClient,
  digest: Digest,
  access: Access,
  range: ByteRange | undefined,
  { log, signal }: ReadOptions,
): Promise<FollowedResponse> {
  const last = range?.end === undefined ? '' : range.end - 1
  return await client.request({
    method: 'GET',
    target: `/v2/${access.repository}/blobs/${digest}`,
    access,
    headers: { 'Accept-Encoding': 'identity', ...(range ? { Range: `bytes=${range.start}-${last}` } : {}) },
    isVerified: true,
    log,
    signal,
  })
}

/** What part of the blob an answer has; undefined if it is not a part. */
export function contentRange({
  status,
  headers,
}: FollowedResponse): { readonly start: number; readonly end: number; readonly total: number | undefined } | undefined {
  const text = headers.get('content-range') ?? ''
  const found = /^bytes (?<first>\d+)-(?<last>\d+)\/(?<total>\d+|\*)$/.exec(text)?.groups
  if (status !== 206 || !found) return undefined
  const total = found['total'] === '*' ? undefined : Number(found['total'])
  return { start: Number(found['first']), end: Number(found['last']) + 1, total }
}

/**
 * The bytes of `range`, of which `response` has the first. When the connection breaks another goes on where it stopped,
 * as long as there is progress. Throws PROTOCOL for more or fewer bytes than `range` has, if it has an end.
 */
export async function* readPart(
  client: RegistryClient,
  digest: Digest,
  access: Access,
  { start, end }: ByteRange,
  response: FollowedResponse,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  let current = response
  let offset = start
  let resumed: { readonly offset: number; readonly at: number } | undefined
  for (;;) {
    try {
      for await (const chunk of current.body) {
        options.signal?.throwIfAborted()
        offset += chunk.length
        if (end !== undefined && offset > end) throw wrongPart(digest, 'more')
        yield chunk
      }
      if (end !== undefined && offset < end) throw wrongPart(digest, 'fewer')
      return
    } catch (error) {
      options.signal?.throwIfAborted()
      const mayResume =
        resumed === undefined ||
        offset - resumed.offset >= minProgressBytes ||
        Date.now() - resumed.at >= minResumeIntervalMs
      if (!mayResume || !isBrokenConnection(error)) throw error
      const from = displayUrl(current.url)
      options.log(
        'info',
        `Reading blob body from ${from} failed (${error.message}), reconnecting after ${offset} bytes…`,
      )
      await client.retryRules.delay(resumeDelayMs, options)
      current = await resume(client, digest, access, { start: offset, end }, { ...options, error })
      resumed = { offset, at: Date.now() }
    }
  }
}

/** Throws the first error, with the reason why the download cannot go on. */
async function resume(
  client: RegistryClient,
  digest: Digest,
  access: Access,
  range: ByteRange,
  { error, ...options }: ReadOptions & { readonly error: TransloadError },
): Promise<FollowedResponse> {
  const failed = (reason: string): TransloadError =>
    new TransloadError(error.code, `${error.message} (reconnecting failed: ${reason})`, {
      cause: error,
      retryable: true,
    })
  const response = await requestPart(client, digest, access, range, options).catch((cause: unknown) => {
    options.signal?.throwIfAborted()
    throw failed((cause as Error).message)
  })
  const answered = contentRange(response)
  if (answered?.start === range.start && answered.end === (range.end ?? answered.total ?? answered.end)) return response
  await response.discard()
  const text = response.headers.get('content-range') ?? ''
  throw failed(
    response.status === 206 ? `unexpected Content-Range ${JSON.stringify(text)}` : `status ${response.status}`,
  )
}

function wrongPart(digest: Digest, problem: 'more' | 'fewer'): TransloadError {
  return new TransloadError('PROTOCOL', `blob ${digest}: a part has ${problem} bytes than announced`, {
    retryable: true,
  })
}
