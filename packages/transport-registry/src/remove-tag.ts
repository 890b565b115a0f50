import { randomUUID } from 'node:crypto'

import {
  digestOf,
  mediaTypes,
  rawManifest,
  TransloadError,
  type HttpError,
  type OpenOptions,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { manifestOf, requestManifest } from './manifest-read.ts'
import { putManifest } from './manifest-write.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import { finishUpload, startUpload } from './upload.ts'

const restoreTimeoutMs = 10_000

/**
 * Removes a tag and nothing else: its manifest and the other tags of that stay. `DELETE …/manifests/TAG` (distribution
 * spec 1.1) where the registry has it. One that deletes by digest only gets a tiny manifest of its own under the tag,
 * and is told to delete that; it has said before that it would. What fails in between puts the tag back; a process that
 * dies in between leaves the tag at the tiny manifest, where doing it again removes it. A tag that somebody else moves
 * at the same time may be lost: no registry locks. Throws MANIFEST_UNKNOWN if there is no such tag.
 */
export async function removeRegistryTag(
  client: RegistryClient,
  reference: RegistryReference,
  { log, signal }: OpenOptions,
): Promise<void> {
  const { tag, digest, repository } = reference
  if (tag === undefined || digest !== undefined) {
    throw new TransloadError('REFERENCE_INVALID', `${reference.name}: only a tag can be removed as one`, {
      hint: 'Name a tag and no digest.',
    })
  }
  const options = { log, signal }
  const found = await requestManifest(client, tag, { repository, actions: 'remove' }, options)
  if (found.status !== 200) {
    throw await registryError(found, `reading manifest ${tag} in ${fullName(reference)}`, 'manifest')
  }
  const original = await manifestOf(found, undefined)
  const refused = await requestDelete(client, reference, tag, options)
  if (refused.status === 202) return await refused.discard()
  const refusal = await registryError(refused, `deleting ${reference.name}`, 'manifest')
  if (!deletesByDigestOnly(refusal)) throw refusal
  await replaceAndDelete(client, reference, tag, original, options)
}

async function replaceAndDelete(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  original: RawManifest,
  options: RequestOptions,
): Promise<void> {
  const { repository } = reference
  const { config, manifest } = placeholder(original, tag)
  const refused = await requestDelete(client, reference, manifest.digest, options)
  // It is not there yet, so a registry that deletes says so; any other answer comes in time.
  if (refused.status !== 404) throw await registryError(refused, `deleting ${reference.name}`, 'manifest')
  await refused.discard()
  const upload = await startUpload(client, { repository, actions: 'pull,push' }, options)
  await finishUpload(client, upload, digestOf(config), config, options)
  try {
    await putManifest(client, reference, manifest, tag, options)
    const deleted = await requestDelete(client, reference, manifest.digest, options)
    if (deleted.status !== 202) throw await registryError(deleted, `deleting ${reference.name}`, 'manifest')
    await deleted.discard()
  } catch (error) {
    const patience = { log: options.log, signal: AbortSignal.timeout(restoreTimeoutMs) }
    await putManifest(client, reference, original, tag, patience).catch((problem: unknown) => {
      options.log('warn', `${reference.name} could not be put back: ${(problem as Error).message}`)
    })
    throw error
  }
}

type RequestOptions = OperationOptions & Pick<OpenOptions, 'log'>

async function requestDelete(
  client: RegistryClient,
  { repository }: RegistryReference,
  ref: string,
  options: RequestOptions,
): Promise<FollowedResponse> {
  const access: Access = { repository, actions: 'remove' }
  return await client.request({ method: 'DELETE', target: `/v2/${repository}/manifests/${ref}`, access, ...options })
}

/** Was it the tag that the registry did not understand, rather than us that may not, or it that is gone? */
function deletesByDigestOnly({ code, status, serverCodes }: HttpError): boolean {
  return code === 'UNSUPPORTED' || status === 400 || status === 405 || (status === 404 && serverCodes.length === 0)
}

/** An image like no other, so that nothing else points at it; Docker's format if the registry may know no other. */
function placeholder({ mediaType }: RawManifest, tag: string): { config: Uint8Array; manifest: RawManifest } {
  const isDocker = mediaType.startsWith('application/vnd.docker.')
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'unknown',
      os: 'unknown',
      config: { Labels: { 'io.transload.removed-tag': tag, 'io.transload.nonce': randomUUID() } },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  )
  const type = isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const configType = isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: configType, digest: digestOf(config), size: config.length },
    layers: [],
  }
  return { config, manifest: rawManifest(Buffer.from(JSON.stringify(manifest)), type) }
}
