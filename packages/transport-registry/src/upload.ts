import { TransloadError, type Digest, type HttpError, type Log, type OperationOptions } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import type { ResponseHeaders, StreamBody } from './http/http-client.ts'
import type { FollowedResponse } from './http/redirects.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import { untilAborted } from './shared-flight.ts'

export type UploadOptions = OperationOptions & { readonly log: Log }

/** How long cancelling may take: it is a courtesy. */
const cancelTimeoutMs = 2000

/** One blob upload that the registry keeps open (distribution spec, "Pushing a blob"). */
export interface Upload {
  readonly location: URL
  readonly access: Access
  /** What the registry said about the size of a request's body when it opened the upload. */
  readonly bodyBytes: { readonly min: number; readonly max: number }
}

/** A part of a blob. `size` is unknown for what is made on the way. */
export interface BlobPart {
  readonly offset: number
  readonly size: number | undefined
  readonly chunks: AsyncIterable<Uint8Array>
}

/** `POST …/blobs/uploads/`. An upload that the registry opens although the caller gave up is cancelled. */
export async function startUpload(client: RegistryClient, access: Access, options: UploadOptions): Promise<Upload> {
  return await openUpload(client, options, async (patient) => {
    const target = `/v2/${access.repository}/blobs/uploads/`
    const response = await client.request({ method: 'POST', target, access, ...patient })
    const prefix = `initiating layer upload to ${target} in ${client.host}`
    if (response.status !== 202) throw await registryError(response, prefix, 'name')
    return await openedUpload(response, access, prefix)
  })
}

/**
 * Asks the registry to make a blob of its repository `from` available: `mounted`, or the upload it opened in place of
 * that, or undefined for any other answer (registry-client.md §10.1). Cancels as `startUpload` does.
 */
export async function mountBlob(
  client: RegistryClient,
  access: Access,
  digest: Digest,
  from: string,
  options: UploadOptions,
): Promise<'mounted' | Upload | undefined> {
  return await openUpload(client, options, async (patient) => {
    const query = new URLSearchParams({ mount: digest, from })
    const response = await client.request({
      method: 'POST',
      target: `/v2/${access.repository}/blobs/uploads/?${query.toString()}`,
      access: { ...access, alsoPull: from },
      ...patient,
    })
    if (response.status === 202) return await openedUpload(response, access, 'mounting a blob')
    await response.discard()
    return response.status === 201 ? 'mounted' : undefined
  })
}

/**
 * `PATCH`: bytes are added, all of them or a chunk. Returns the upload to go on with.
 */
export async function patchUpload(
  client: RegistryClient,
  upload: Upload,
  { offset, size, chunks }: BlobPart,
  { isWhole, ...options }: UploadOptions & { readonly isWhole: boolean },
): Promise<Upload> {
  const { location, access } = upload
  const headers = {
    'Content-Type': 'application/octet-stream',
    ...(size === undefined || isWhole ? {} : { 'Content-Range': `${offset}-${offset + size - 1}` }),
  }
  const body = { size, chunks }
  const response = await client.request({ method: 'PATCH', target: location, access, headers, body, ...options })
  const prefix = 'uploading layer chunked'
  if (response.status >= 400 || response.status < 200) throw await registryError(response, prefix, 'other')
  return { ...upload, location: await nextLocation(response, prefix) }
}

/** `PUT` with the digest, and with the bytes unless they were sent before. */
export async function finishUpload(
  client: RegistryClient,
  { location, access }: Upload,
  digest: Digest,
  body: Uint8Array | StreamBody | undefined,
  options: UploadOptions,
): Promise<void> {
  const target = new URL(location)
  target.searchParams.set('digest', digest)
  const headers = { 'Content-Type': 'application/octet-stream' }
  const response = await client.request({ method: 'PUT', target, access, headers, body, ...options })
  if (response.status !== 201 && response.status !== 204) {
    throw await registryError(response, `uploading layer to ${location.origin}${location.pathname}`, 'other')
  }
  await response.discard()
}

/** Is it an upload that ended otherwise that the registry refused to go on with? Then its blob may be there. */
export function isUploadGone(error: unknown): boolean {
  const { status, serverCodes } = TransloadError.is(error) ? (error as Partial<HttpError>) : {}
  return status === 404 || serverCodes?.includes('BLOB_UPLOAD_UNKNOWN') === true
}

/** How many bytes the registry has of an upload, and the upload to go on with; undefined if it does not know it (any more). */
export async function findUpload(
  client: RegistryClient,
  upload: Upload,
  options: UploadOptions,
): Promise<{ readonly upload: Upload; readonly offset: number } | undefined> {
  const { location, access } = upload
  const response = await client.request({ method: 'GET', target: location, access, ...options })
  const { status, headers, url } = response
  await response.discard()
  // Both ends included; `0-0` is nothing yet, as the Docker registry says it.
  const last = /^(?:bytes[= ])?0-(?<last>\d+)$/.exec(headers.get('range')?.trim() ?? '')?.groups?.['last']
  if ((status !== 204 && status !== 200) || last === undefined) return undefined
  const offset = Number(last) === 0 ? 0 : Number(last) + 1
  return { upload: { ...upload, location: locationOf(headers, url) ?? location }, offset }
}

/** Best effort, in the background: the registry forgets abandoned uploads by itself some day. */
export function cancelUpload(client: RegistryClient, upload: Upload, log: Log): void {
  client.runInBackground(removeUpload(client, upload, log))
}

/** Never rejects. */
async function removeUpload(client: RegistryClient, { location, access }: Upload, log: Log): Promise<void> {
  try {
    const signal = AbortSignal.timeout(cancelTimeoutMs)
    const response = await client.request({ method: 'DELETE', target: location, access, log, signal })
    await response.discard()
  } catch (error) {
    log('debug', `cancelling an upload failed: ${(error as Error).message}`)
  }
}

/** Runs `open` to its end even when the caller gives up, to cancel the upload that may come of it. */
async function openUpload<T>(
  client: RegistryClient,
  { log, signal }: UploadOptions,
  open: (options: UploadOptions) => Promise<T | Upload>,
): Promise<T | Upload> {
  const patience = new AbortController()
  const opening = open({ log, signal: patience.signal })
  try {
    return await untilAborted(opening, signal)
  } catch (error) {
    if (signal?.aborted) {
      const timer = setTimeout(() => patience.abort(), cancelTimeoutMs)
      const undone = opening.then(
        (opened) => (isUpload(opened) ? removeUpload(client, opened, log) : undefined),
        () => undefined,
      )
      client.runInBackground(undone.finally(() => clearTimeout(timer)))
    }
    throw error
  }
}

function isUpload(opened: unknown): opened is Upload {
  return typeof opened === 'object' && opened !== null && 'location' in opened
}

async function openedUpload(response: FollowedResponse, access: Access, prefix: string): Promise<Upload> {
  const { headers } = response
  const bodyBytes = {
    min: positive(headers.get('oci-chunk-min-length')) ?? 1,
    max: positive(headers.get('oci-chunk-max-length')) ?? Number.POSITIVE_INFINITY,
  }
  return { location: await nextLocation(response, prefix), access, bodyBytes }
}

async function nextLocation(response: FollowedResponse, prefix: string): Promise<URL> {
  const location = locationOf(response.headers, response.url)
  await response.discard()
  if (!location) throw new TransloadError('PROTOCOL', `${prefix}: the answer names no Location to go on with`)
  return location
}

function locationOf(headers: ResponseHeaders, base: URL): URL | undefined {
  const location = headers.get('location')
  const url = location === undefined ? null : URL.parse(location, base.href)
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text.trim()) ? Number(text) : undefined
}
