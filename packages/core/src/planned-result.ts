import type { CopyResult } from './copy-options.ts'
import type { CopyPlan, PlannedImage, PlannedIndex } from './copy-plan.ts'
import type { SelectedImages } from './select-images.ts'

/** The result of a dry run. The digest is known only if the plan changes nothing. */
export function plannedResult({ index, images }: SelectedImages, plan: CopyPlan): CopyResult {
  const { raw } = index ?? images[0]!
  const written = plan.index ?? plan.images[0]!
  const indexes = [...(plan.index ? [plan.index] : []), ...(plan.nested ?? [])]
  const unchanged = indexes.every(keepsItsEntries) && plan.images.every(keepsItsBytes)
  return {
    plan,
    digest: unchanged ? raw.digest : undefined,
    mediaType: written.mediaType,
    bytes: raw.bytes,
    blobs: { copied: 0, reused: 0, bytes: 0 },
  }
}

function keepsItsEntries({ manifest, mediaType, others }: PlannedIndex): boolean {
  return mediaType === manifest.mediaType && others === 'keep'
}

function keepsItsBytes({ manifest, mediaType, replacesLayers, layers, embeddedName }: PlannedImage): boolean {
  return (
    mediaType === manifest.mediaType &&
    embeddedName === undefined &&
    !replacesLayers &&
    layers.every(({ edit, crypto }) => crypto === undefined && (edit === 'none' || edit === 'skip'))
  )
}
