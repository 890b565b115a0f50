import { TransloadError, type Digest, type Log, type OperationOptions } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import type { StreamBody } from './http/http-client.ts'
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
}

/** `POST …/blobs/uploads/`. An upload that the registry opens although the caller gave up is cancelled. */
export async function startUpload(
  client: RegistryClient,
  access: Access,
  { log, signal }: UploadOptions,
): Promise<Upload> {
  const patience = new AbortController()
  const opening = openUpload(client, access, { log, signal: patience.signal })
  try {
    return await untilAborted(opening, signal)
  } catch (error) {
    if (signal?.aborted) {
      const timer = setTimeout(() => patience.abort(), cancelTimeoutMs)
      const undone = opening.then(
        (upload) => removeUpload(client, upload, log),
        () => undefined,
      )
      client.runInBackground(undone.finally(() => clearTimeout(timer)))
    }
    throw error
  }
}

async function openUpload(client: RegistryClient, access: Access, options: UploadOptions): Promise<Upload> {
  const target = `/v2/${access.repository}/blobs/uploads/`
  const response = await client.request({ method: 'POST', target, access, ...options })
  const prefix = `initiating layer upload to ${target} in ${client.host}`
  if (response.status !== 202) throw await registryError(response, prefix, 'name')
  return await nextStep(response, access, prefix)
}

/** All bytes in one PATCH, the digest after them: for what is only known at the end. */
export async function patchWhole(
  client: RegistryClient,
  upload: Upload,
  body: StreamBody,
  options: UploadOptions,
): Promise<Upload> {
  const { location, access } = upload
  const headers = { 'Content-Type': 'application/octet-stream' }
  const response = await client.request({ method: 'PATCH', target: location, access, headers, body, ...options })
  const prefix = 'uploading layer chunked'
  if (response.status >= 400 || response.status < 200) throw await registryError(response, prefix, 'other')
  return await nextStep(response, access, prefix)
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

/** The upload an answer with a `Location` opened, or goes on with. */
export async function nextStep(response: FollowedResponse, access: Access, prefix: string): Promise<Upload> {
  const location = response.headers.get('location')
  const url = location === undefined ? null : URL.parse(location, response.url.href)
  await response.discard()
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TransloadError('PROTOCOL', `${prefix}: the answer names no Location to go on with`)
  }
  return { location: url, access }
}
