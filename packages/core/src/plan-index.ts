import { TransloadError } from '@transload/contract'

import type { PlannedIndex } from './copy-plan.ts'
import { chooseIndexType, unmodifiableHint } from './manifest-type.ts'
import { describe, unmodifiableReason, type PlanDestination, type PlanOptions } from './plan-manifest.ts'
import { planSignatures } from './plan-signatures.ts'
import type { SelectedImages, SelectedIndex } from './select-images.ts'

/** The index and those in it by their paths. What an index that may not change names may not change either. */
export function planIndexes(
  { index, images }: SelectedImages,
  destination: PlanDestination,
  options: PlanOptions,
): ReadonlyMap<string, PlannedIndex> {
  const planned = new Map<string, PlannedIndex>()
  if (!index) return planned
  const others = typeof options.images === 'object' ? (options.images.others ?? 'keep') : 'keep'
  const copied = [...images.flatMap(({ entry }) => entry ?? []), ...index.nested]
  const inner = index.nested.toSorted((a, b) => a.path.length - b.path.length)
  for (const one of [{ ...index, path: [] }, ...inner]) {
    const within = planned.get(one.path.slice(0, -1).join())
    const plan = planIndex(one, destination, options, others, within?.unmodifiable)
    if (others === 'strip') checkStripping(one, copied, plan.unmodifiable)
    planned.set(one.path.join(), plan)
  }
  return planned
}

/** Throws if nothing is left of an index, or something may not be removed from it (copy-engine.md §2). */
function checkStripping(
  { path, manifest }: Pick<SelectedIndex, 'path' | 'manifest'>,
  copied: readonly Pick<SelectedIndex, 'path'>[],
  unmodifiable: string | undefined,
): void {
  const kept = new Set(copied.filter((one) => isIn(one.path, path)).map((one) => one.path.at(-1)))
  const gone = manifest.manifests.find((_, position) => !kept.has(position))
  if (kept.size === 0 && gone !== undefined) {
    throw new TransloadError(
      'PLATFORM_UNKNOWN',
      'preparing instances for copy: requested operation filtered out all platforms and would create an empty image',
    )
  }
  if (gone === undefined || unmodifiable === undefined) return
  throw new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `preparing instances for copy: we should delete instance ${gone.digest} from manifest list, but we cannot: ${unmodifiable}`,
    { hint: unmodifiableHint(unmodifiable) ?? 'Without --strip-removed-platforms the list stays as it is.' },
  )
}

function isIn(path: readonly number[], index: readonly number[]): boolean {
  return path.length === index.length + 1 && index.every((position, level) => position === path[level])
}

function planIndex(
  {
    raw,
    path,
    manifest,
    signatures: carried,
    listed = manifest.manifests.length,
  }: SelectedIndex & { readonly listed?: number },
  destination: PlanDestination,
  options: PlanOptions,
  others: PlannedIndex['others'],
  outerUnmodifiable: string | undefined,
): PlannedIndex {
  const signatures = planSignatures({ signatures: carried }, destination, options)
  const unmodifiable = unmodifiableReason(signatures.count > 0, destination, options) ?? outerUnmodifiable
  return {
    ...(path.length > 0 ? { path } : {}),
    manifest: describe(raw),
    mediaType: chooseIndexType(raw.mediaType, destination.traits, options, unmodifiable),
    ...(unmodifiable === undefined ? {} : { unmodifiable }),
    signatures,
    listed,
    others,
  }
}
