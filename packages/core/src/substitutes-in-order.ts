import type { BlobSubstitute, Digest } from '@transload/contract'

/** A blob that may take another's place, and where it was seen, last place first. */
export interface SubstituteWithLocations extends Omit<BlobSubstitute, 'location'> {
  readonly locations: readonly string[]
}

const maxLocated = 5
const maxAnywhere = 2

/**
 * Those whose place is known before those that may be anywhere, the plain `content` itself after the others, and only
 * as many as are worth a request each (copy-engine.md §7).
 */
export function substitutesInOrder(
  content: Digest,
  candidates: readonly SubstituteWithLocations[],
): readonly BlobSubstitute[] {
  const plainLast = [
    ...candidates.filter(({ digest }) => digest !== content),
    ...candidates.filter(({ digest }) => digest === content),
  ]
  const located: BlobSubstitute[] = []
  const anywhere: BlobSubstitute[] = []
  for (const { locations, ...blob } of plainLast) {
    if (locations.length === 0) anywhere.push(blob)
    for (const location of locations) located.push(Object.assign({ location }, blob))
  }
  return [...located.slice(0, maxLocated), ...anywhere.slice(0, maxAnywhere)]
}
