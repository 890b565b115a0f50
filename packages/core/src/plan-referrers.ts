import {
  displayText,
  referenceText,
  referrerDescriptor,
  TransloadError,
  type Descriptor,
  type DestinationTraits,
} from '@transload/contract'

import type { PlannedBlob, PlannedReferrer } from './copy-plan.ts'
import type { SelectedReferrer } from './find-referrers.ts'
import { describe, type PlanDestination } from './plan-manifest.ts'
import { listSome } from './referrer-text.ts'

/** Referrers are copied as they are, or not at all. Throws REFERRERS_LOST, naming them, where they cannot be kept. */
export function planReferrers(
  referrers: readonly SelectedReferrer[],
  { reference, traits }: PlanDestination,
): readonly PlannedReferrer[] {
  if (referrers.length > 0 && !traits.referrers) {
    throw new TransloadError(
      'REFERRERS_LOST',
      `Can not copy referrers to ${displayText(referenceText(reference))}: ` +
        `Storing referrers for ${reference.scheme}: images is not supported; these would be lost: ${listSome(referrers)}`,
      { hint: 'To copy the image alone leave out --with-referrers.' },
    )
  }
  return referrers.map(({ raw, manifest, subject, tags }) => {
    const layers = manifest?.layers.map((layer) => planBlob('layer', layer, traits)) ?? []
    const blobs = manifest ? [...layers, planBlob('config', manifest.config, traits)] : []
    const { artifactType } = referrerDescriptor(raw)
    return {
      manifest: { ...describe(raw), ...(artifactType === undefined ? {} : { artifactType }) },
      ...(subject === undefined ? {} : { subject }),
      ...(tags.length === 0 ? {} : { tags }),
      blobs,
    }
  })
}

function planBlob(role: PlannedBlob['role'], blob: Descriptor, traits: DestinationTraits): PlannedBlob {
  const stays = blob.urls !== undefined && traits.keepsForeignLayers === true
  return { role, blob, encoding: 'as-is', edit: stays ? 'skip' : 'none' }
}
