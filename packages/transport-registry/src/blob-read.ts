import { displayUrl, TransloadError, type Descriptor, type Log, type OperationOptions } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { isBrokenConnection } from './http/connection-error.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { contentLength } from './http/response-reader.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

type ReadOptions = OperationOptions & { readonly log: Log }

const minProgressBytes = 1024 * 1024
const minResumeIntervalMs = 60_000
const resumeDelayMs = 1000

/**
 * The blob's bytes from the registry, from `start` on. A connection that breaks is replaced and the download goes on
 * where it stopped (copy-engine.md §13.3). Throws BLOB_UNKNOWN, or SIZE_MISMATCH for an answer of another length.
 */
export async function* readRegistryBlob(
  client: RegistryClient,
  blob: Descriptor,
  access: Access,
  { start = 0, ...options }: ReadOptions & { readonly start?: number },
): AsyncGenerator<Uint8Array> {
  let response = await requestBlob(client, blob, access, { ...options, offset: start > 0 ? start : undefined })
  const isRest = start > 0 && isRestFrom(start, response)
  if (response.status !== 200 && !isRest) throw await registryError(response, 'fetching blob', 'blob')
  if (!isRest) await checkLength(response, blob)
  let unwanted = isRest ? 0 : start
  let offset = start - unwanted
  let resumed: { readonly offset: number; readonly at: number } | undefined
  for (;;) {
    try {
      for await (const chunk of response.body) {
        options.signal?.throwIfAborted()
        offset += chunk.length
        if (chunk.length > unwanted) yield chunk.subarray(unwanted)
        unwanted = Math.max(0, unwanted - chunk.length)
      }
      return
    } catch (error) {
      options.signal?.throwIfAborted()
      const mayResume =
        resumed === undefined ||
        offset - resumed.offset >= minProgressBytes ||
        Date.now() - resumed.at >= minResumeIntervalMs
      if (!mayResume || !isBrokenConnection(error)) throw error
      const problem = error.message
      options.log(
        'info',
        `Reading blob body from ${displayUrl(response.url)} failed (${problem}), reconnecting after ${offset} bytes…`,
      )
      await client.retryRules.delay(resumeDelayMs, options)
      response = await resume(client, blob, access, { ...options, offset, error })
      resumed = { offset, at: Date.now() }
    }
  }
}

/**
 * The blob from one of its own URLs, if it has any that can be used; undefined: ask the registry. The first that
 * answers decides. Throws BLOB_UNKNOWN if none does.
 */
export async function readForeignBlob(
  client: RegistryClient,
  blob: Descriptor,
  options: ReadOptions,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const problems: string[] = []
  for (const text of blob.urls ?? []) {
    const url = URL.parse(text)
    if (!url || !/^https?:$/.test(url.protocol)) continue
    try {
      const response = await client.fetchForeign(url, options)
      if (response.status === 200) {
        await checkLength(response, blob)
        return response.body
      }
      await response.discard()
      problems.push(`${displayUrl(url)}: status ${response.status}`)
    } catch (error) {
      options.signal?.throwIfAborted()
      problems.push((error as Error).message)
    }
  }
  if (problems.length === 0) return undefined
  throw new TransloadError('BLOB_UNKNOWN', `failed fetching external blob from all urls: ${problems.join('; ')}`)
}

async function requestBlob(
  client: RegistryClient,
  blob: Descriptor,
  access: Access,
  options: ReadOptions & { readonly offset?: number | undefined },
): Promise<FollowedResponse> {
  const { offset, log, signal } = options
  return await client.request({
    method: 'GET',
    target: `/v2/${access.repository}/blobs/${blob.digest}`,
    access,
    headers: { 'Accept-Encoding': 'identity', ...(offset === undefined ? {} : { Range: `bytes=${offset}-` }) },
    isVerified: true,
    log,
    signal,
  })
}

/** Throws the first error, with the reason why the download cannot go on. */
async function resume(
  client: RegistryClient,
  blob: Descriptor,
  access: Access,
  { offset, error, ...options }: ReadOptions & { readonly offset: number; readonly error: TransloadError },
): Promise<FollowedResponse> {
  const failed = (reason: string): TransloadError =>
    new TransloadError(error.code, `${error.message} (reconnecting failed: ${reason})`, {
      cause: error,
      retryable: true,
    })
  const response = await requestBlob(client, blob, access, { ...options, offset }).catch((cause: unknown) => {
    options.signal?.throwIfAborted()
    throw failed((cause as Error).message)
  })
  if (isRestFrom(offset, response)) return response
  await response.discard()
  const range = response.headers.get('content-range') ?? ''
  throw failed(
    response.status === 206 ? `unexpected Content-Range ${JSON.stringify(range)}` : `status ${response.status}`,
  )
}

/** Are these all bytes of the blob from `offset` on? */
function isRestFrom(offset: number, { status, headers }: FollowedResponse): boolean {
  const range = headers.get('content-range') ?? ''
  const { first, last, total } = /^bytes (?<first>\d+)-(?<last>\d+)\/(?<total>\d+|\*)$/.exec(range)?.groups ?? {}
  return status === 206 && Number(first) === offset && (total === '*' || Number(total) === Number(last) + 1)
}

/** A wrong announcement is cheaper to notice than a wrong last byte. */
async function checkLength(response: FollowedResponse, { digest, size }: Descriptor): Promise<void> {
  const length = contentLength(response.headers)
  if (length === undefined || size === undefined || length === size) return
  await response.discard()
  throw new TransloadError('SIZE_MISMATCH', `blob ${digest}: the answer has ${length} bytes, expected ${size}`)
}
