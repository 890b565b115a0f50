import { displayUrl, TransloadError, type Descriptor } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { contentRange, readPart, requestPart, type ReadOptions } from './blob-part.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { contentLength } from './http/response-reader.ts'
import { createPace, type Pace } from './pace.ts'
import { mayGainByRanges, rangeAt, readInRanges, requestRange } from './ranged-read.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/**
 * The blob's bytes from the registry, from `start` on; of a large blob over several connections, if one turns out slow.
 * A connection that breaks is replaced and the download goes on where it stopped (copy-engine.md §13.3). Throws
 * BLOB_UNKNOWN, or SIZE_MISMATCH for an answer of another length.
 */
export async function* readRegistryBlob(
  client: RegistryClient,
  blob: Descriptor,
  access: Access,
  { start = 0, pace = createPace(), ...options }: ReadOptions & { readonly start?: number; readonly pace?: Pace },
): AsyncGenerator<Uint8Array> {
  const { digest, size = 0 } = blob
  const response = await requestPart(client, digest, access, start > 0 ? { start } : undefined, options)
  const answered = contentRange(response)
  const isRest = start > 0 && answered?.start === start && (answered.total ?? answered.end) === answered.end
  if (response.status !== 200 && !isRest) throw await registryError(response, 'fetching blob', 'blob')
  if (!isRest) await checkLength(response, blob)
  let offset = isRest ? start : 0
  let ranges: FollowedResponse | undefined
  let askedAtMs = performance.now()
  client.openReads++
  try {
    for await (const chunk of readPart(client, digest, access, { start: offset }, response, options)) {
      pace.received(chunk.length, performance.now() - askedAtMs, performance.now())
      const unwanted = Math.max(0, start - offset)
      offset += chunk.length
      if (chunk.length > unwanted) yield chunk.subarray(unwanted)
      if (pace.isSlow && offset >= start && mayGainByRanges(client, size - offset)) {
        ranges = await requestRange(client, digest, access, rangeAt(offset, size), options)
        if (ranges) break
      }
      askedAtMs = performance.now()
    }
  } finally {
    client.openReads--
  }
  if (ranges) yield* readInRanges(client, { digest, size }, access, { start: offset, response: ranges }, options)
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
      const response = await client.fetchForeign(url, { ...options, isVerified: true })
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

/** A wrong announcement is cheaper to notice than a wrong last byte. */
async function checkLength(response: FollowedResponse, { digest, size }: Descriptor): Promise<void> {
  const length = contentLength(response.headers)
  if (length === undefined || size === undefined || length === size) return
  await response.discard()
  throw new TransloadError('SIZE_MISMATCH', `blob ${digest}: the answer has ${length} bytes, expected ${size}`)
}
