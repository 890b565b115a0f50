import type { Descriptor, ImageDestination, RawManifest } from '@transload/contract'

import type { ResolvedCopyOptions } from './copy-options.ts'
import { unmodifiableReasons } from './manifest-type.ts'
import { digestInName } from './read-manifest.ts'

/** What a plan has to know of a destination. */
export type PlanDestination = Pick<ImageDestination, 'reference' | 'traits' | 'signatures'>

export type PlanOptions = Pick<
  ResolvedCopyOptions,
  | 'images'
  | 'format'
  | 'preserveDigests'
  | 'removeSignatures'
  | 'signers'
  | 'signIdentity'
  | 'layers'
  | 'compressionFormat'
  | 'encryptor'
  | 'encryptLayers'
  | 'decryptor'
> & {
  /** Something that is copied too refers to the images by their digests. */
  readonly hasReferrers?: boolean
}

/** The strongest reason not to touch a manifest (copy-engine.md §4.3). */
export function unmodifiableReason(
  hasSignatures: boolean,
  { reference }: PlanDestination,
  { preserveDigests, hasReferrers }: PlanOptions,
): string | undefined {
  if (preserveDigests) return unmodifiableReasons.preserve
  if (digestInName(reference) !== undefined) return unmodifiableReasons.digest
  if (hasSignatures) return unmodifiableReasons.signatures
  return hasReferrers ? unmodifiableReasons.referrers : undefined
}

export function describe({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
