import {
  acceptedManifestTypes,
  collect,
  digestAlgorithm,
  maxManifestBytes,
  rawManifest,
  TransloadError,
  type Digest,
  type Log,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/** `GET …/manifests/REF` with every type we know; any status is an answer. */
export async function requestManifest(
  client: RegistryClient,
  ref: string,
  access: Access,
  options: OperationOptions & { readonly log: Log },
): Promise<FollowedResponse> {
  return await client.request({
    method: 'GET',
    target: `/v2/${access.repository}/manifests/${ref}`,
    access,
    headers: { Accept: acceptedManifestTypes },
    isVerified: ref.includes(':'),
    ...options,
  })
}

/** The manifest of a tag; undefined if there is no such tag. */
export async function readTagged(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  options: OperationOptions & { readonly log: Log },
): Promise<RawManifest | undefined> {
  const access = { repository: reference.repository, actions: 'pull' } as const
  const response = await requestManifest(client, tag, access, options)
  if (response.status === 200) return await manifestOf(response, undefined)
  const error = await registryError(response, `reading manifest ${tag} in ${fullName(reference)}`, 'manifest')
  if (error.code === 'MANIFEST_UNKNOWN') return undefined
  throw error
}

/** Does the tag, or digest, name that manifest? False as well if the registry does not say, or does not answer. */
export async function tagNames(
  client: RegistryClient,
  tag: string,
  access: Access,
  digest: Digest,
  options: OperationOptions & { readonly log: Log },
): Promise<boolean> {
  try {
    const target = `/v2/${access.repository}/manifests/${tag}`
    const headers = { Accept: acceptedManifestTypes }
    const response = await client.request({ method: 'HEAD', target, access, headers, ...options })
    await response.discard()
    if (response.status !== 200) return false
    const named = response.headers.get('docker-content-digest')
    if (named !== undefined) return named === digest
    const found = await requestManifest(client, tag, access, options)
    if (found.status === 200) return (await manifestOf(found, digest)).digest === digest
    await found.discard()
    return false
  } catch (error) {
    options.signal?.throwIfAborted()
    options.log('debug', `asking what ${tag} names failed: ${(error as Error).message}`)
    return false
  }
}

/**
 * The manifest in a good answer, at most 4 MiB. With `expected` its digest is of that algorithm, and must be that one:
 * else DIGEST_MISMATCH.
 */
export async function manifestOf(response: FollowedResponse, expected: Digest | undefined): Promise<RawManifest> {
  const bytes = await collect(response.body, maxManifestBytes, 'manifest')
  const manifest = rawManifest(bytes, mediaTypeOf(response), expected && digestAlgorithm(expected))
  if (expected === undefined || manifest.digest === expected) return manifest
  throw new TransloadError('DIGEST_MISMATCH', `Manifest does not match provided manifest digest ${expected}`)
}

/** Without parameters; undefined if there is none that could be a media type. */
function mediaTypeOf({ headers }: FollowedResponse): string | undefined {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return /^[!#$&^_.+\w-]+\/[!#$&^_.+\w-]+$/.test(type) ? type : undefined
}
