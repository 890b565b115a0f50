import { TransloadError, type Digest, type OpenOptions, type RawManifest } from '@transload/contract'

import { manifestOf, requestManifest } from './manifest-read.ts'
import { requireTagOrDigest, type RegistryReference } from './reference.ts'
import { changeReferrersTag, subjectOf } from './referrers-tag.ts'
import { usesReferrersTag } from './referrers.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/**
 * Deletes the manifest the reference points at, and so every tag of it (registry-client.md §10.4).
 * Returns its digest. Throws MANIFEST_UNKNOWN if there is none, UNSUPPORTED where deleting is disabled.
 */
export async function removeRegistryImage(
  client: RegistryClient,
  reference: RegistryReference,
  { log, signal }: OpenOptions,
): Promise<Digest> {
  if (reference.unknownDigest) {
    throw new TransloadError('REFERENCE_INVALID', 'Docker reference without a tag or digest cannot be deleted')
  }
  requireTagOrDigest(reference)
  const access = { repository: reference.repository, actions: 'remove' } as const
  const ref = reference.digest ?? reference.tag!
  const found = await requestManifest(client, ref, access, { log, signal })
  if (found.status === 404) {
    await found.discard()
    throw new TransloadError(
      'MANIFEST_UNKNOWN',
      `Unable to delete ${reference.name}. Image may not exist or is not stored with a v2 Schema in a v2 registry`,
    )
  }
  if (found.status !== 200) throw await registryError(found, `deleting ${reference.name}`, 'manifest')
  const manifest = await manifestOf(found, reference.digest)
  const { digest } = manifest
  const target = `/v2/${reference.repository}/manifests/${digest}`
  const response = await client.request({ method: 'DELETE', target, access, log, signal })
  if (response.status !== 202) throw await registryError(response, `deleting ${reference.name}`, 'manifest')
  await response.discard()
  await unlistReferrer(client, reference, manifest, { log, signal })
  return digest
}

/** Where a tag lists the referrers of a manifest, those who remove one take it off (distribution spec 1.1). */
async function unlistReferrer(
  client: RegistryClient,
  reference: RegistryReference,
  manifest: RawManifest,
  options: Pick<OpenOptions, 'log' | 'signal'>,
): Promise<void> {
  const subject = subjectOf(manifest)
  if (subject === undefined || !(await usesReferrersTag(client, reference, subject, options))) return
  await changeReferrersTag(client, reference, subject, { remove: manifest.digest }, options)
}
