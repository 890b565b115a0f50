import { TransloadError, type OpenOptions } from '@transload/contract'

import { manifestOf, requestManifest } from './manifest-read.ts'
import { fullName, requireTagOrDigest, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/**
 * Deletes the manifest the reference points at, and so every tag of it (registry-client.md §10.4).
 * Throws MANIFEST_UNKNOWN if there is none, UNSUPPORTED where deleting is disabled.
 */
export async function removeRegistryImage(
  client: RegistryClient,
  reference: RegistryReference,
  { log, signal }: OpenOptions,
): Promise<void> {
  if (reference.unknownDigest) {
    throw new TransloadError('REFERENCE_INVALID', 'Docker reference without a tag or digest cannot be deleted')
  }
  requireTagOrDigest(reference)
  const access = { repository: reference.repository, actions: '*' } as const
  const ref = reference.digest ?? reference.tag!
  const found = await requestManifest(client, ref, access, { log, signal })
  if (found.status === 404) {
    await found.discard()
    throw new TransloadError(
      'MANIFEST_UNKNOWN',
      `Unable to delete ${reference.name}. Image may not exist or is not stored with a v2 Schema in a v2 registry`,
    )
  }
  if (found.status !== 200) {
    throw await registryError(found, `reading manifest ${ref} in ${fullName(reference)}`, 'manifest')
  }
  const { digest } = await manifestOf(found, reference.digest)
  const target = `/v2/${reference.repository}/manifests/${digest}`
  const response = await client.request({ method: 'DELETE', target, access, log, signal })
  if (response.status !== 202) throw await registryError(response, `deleting ${reference.name}`, 'manifest')
  await response.discard()
}
