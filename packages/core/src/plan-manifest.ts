import {
  displayText,
  referenceText,
  TransloadError,
  type Descriptor,
  type ImageDestination,
  type RawManifest,
} from '@transload/contract'

import type { ResolvedCopyOptions } from './copy-options.ts'
import type { PlannedSignatures } from './copy-plan.ts'
import { unmodifiableReasons } from './manifest-type.ts'
import { digestInName } from './read-manifest.ts'
import type { SelectedManifest } from './select-images.ts'

/** What a plan has to know of a destination. */
export type PlanDestination = Pick<ImageDestination, 'reference' | 'traits' | 'signatures'>

export type PlanOptions = Pick<
  ResolvedCopyOptions,
  | 'images'
  | 'format'
  | 'preserveDigests'
  | 'removeSignatures'
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

export function planSignatures(
  { signatures }: Pick<SelectedManifest, 'signatures'>,
  destination: PlanDestination,
  { removeSignatures }: PlanOptions,
): PlannedSignatures {
  if (removeSignatures) return { fate: 'drop', count: 0 }
  if (signatures.length === 0) return { fate: 'none', count: 0 }
  if (destination.signatures) return { fate: 'carry', count: signatures.length }
  const { scheme } = destination.reference
  throw new TransloadError(
    'SIGNATURES_LOST',
    `Can not copy signatures to ${displayText(referenceText(destination.reference))}: ` +
      `Storing signatures for ${scheme}: images is not supported`,
    { hint: 'To copy without the signatures use --remove-signatures.' },
  )
}

export function describe({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
