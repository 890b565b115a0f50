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
import type { RegistryClient } from './registry-client.ts'

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
