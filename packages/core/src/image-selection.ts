import { TransloadError, type Descriptor, type Digest, type Platform } from '@transload/contract'

import { attestedDigestAnnotation, isAttestation } from './attestation.ts'
import { isIndexType } from './manifest-type.ts'

/** What of an index is copied: the instance for one platform, everything, the index manifest alone, or some images. */
export type ImageSelection = 'system' | 'all' | 'index-only' | SomeImages

/** Some images of an index, each with the attestations about it. A single image has to be what is wanted. */
export interface SomeImages {
  /** Each has to be in the index. Without a variant every variant is meant. */
  readonly platforms: readonly Platform[]
  /** More images, whatever they are for. */
  readonly digests?: readonly Digest[] | undefined
  /** The entries of the other images stay, so that the index keeps its digest (the default), or go. */
  readonly others?: 'keep' | 'strip' | undefined
}

/** An entry of an index that is to be copied; `whole`: with all that is in it, should it be an index. */
export interface PickedEntry {
  readonly position: number
  readonly entry: Descriptor
  readonly whole: boolean
}

/**
 * The entries of one index that are selected, and the indexes in it that may have more, in the order of the index.
 * `seen` collects which platforms and digests of `wanted` there are.
 */
export function pickEntries(
  entries: readonly Descriptor[],
  wanted: SomeImages,
  seen: Set<Platform | Digest>,
): readonly PickedEntry[] {
  const picked = entries.map((entry): 'whole' | 'part' | undefined => {
    const answers = isAttestation(entry) ? [] : wanted.platforms.filter((platform) => isFor(entry, platform))
    const named = wanted.digests?.includes(entry.digest) === true
    for (const platform of answers) seen.add(platform)
    if (named) seen.add(entry.digest)
    if (named || answers.length > 0) return 'whole'
    const mayHold = entry.platform === undefined || wanted.digests !== undefined
    return isIndexType(entry.mediaType) && mayHold ? 'part' : undefined
  })
  const images = new Set(entries.filter((_, position) => picked[position] === 'whole').map(({ digest }) => digest))
  return entries.flatMap((entry, position): PickedEntry[] => {
    const about = isAttestation(entry) ? entry.annotations?.[attestedDigestAnnotation] : undefined
    const pick = about !== undefined && images.has(about as Digest) ? 'whole' : picked[position]
    return pick === undefined ? [] : [{ position, entry, whole: pick === 'whole' }]
  })
}

/** Throws what is wanted and has not been seen; `there`: every image of the index. */
export function checkAllSeen(
  { platforms, digests = [] }: SomeImages,
  seen: ReadonlySet<Platform | Digest>,
  there: readonly Descriptor[],
): void {
  const platform = platforms.find((wanted) => !seen.has(wanted))
  if (platform !== undefined) {
    throw new TransloadError(
      'PLATFORM_UNKNOWN',
      `preparing instances for copy: no instances found for platform ${platformText(platform)}`,
      { hint: platformsHint(there) },
    )
  }
  const digest = digests.find((wanted) => !seen.has(wanted))
  if (digest === undefined) return
  throw new TransloadError('MANIFEST_UNKNOWN', `preparing instances for copy: no instance ${digest} in manifest list`)
}

/** `linux/arm/v7` */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/')
}

/** The platforms there are, as a hint; undefined if nothing can be said. */
export function platformsHint(entries: readonly Descriptor[]): string | undefined {
  const names = entries
    .filter(({ platform }) => platform !== undefined && platform.os !== 'unknown')
    .map(({ platform }) => platformText(platform!))
  return names.length > 0 ? `It has ${[...new Set(names)].join(', ')}.` : undefined
}

function isFor({ platform: has }: Descriptor, wants: Platform): boolean {
  if (has === undefined || has.os !== wants.os || has.architecture !== wants.architecture) return false
  return !wants.variant || (has.variant ?? impliedVariants[has.architecture]) === wants.variant
}

/** What an entry that names no variant is for. */
const impliedVariants: Readonly<Record<string, string>> = { arm: 'v7', arm64: 'v8' }
