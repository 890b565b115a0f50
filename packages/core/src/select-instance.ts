import { TransloadError, type Descriptor, type Manifest, type Platform } from '@transload/contract'

import { isAttestation } from './attestation.ts'
import { platformsHint } from './image-selection.ts'
import { isIndexType } from './manifest-type.ts'

/** Marks an index entry whose layers are zstd (formats.md §5.7). */
export const zstdAnnotation = 'io.github.containers.compression.zstd'

type Index = Extract<Manifest, { readonly kind: 'index' }>

const variantChains: Readonly<Record<string, readonly string[]>> = {
  arm: ['v8', 'v7', 'v6', 'v5'],
  arm64: ['v8'],
}

/**
 * The entry of an index for a platform, by the container tools' rules (copy-engine.md §3): an entry for exactly this
 * variant, then for older ones it can run, then without variant; in an OCI index those with zstd layers come first
 * among equals, and entries without a platform come last. It may be an index in turn. Throws PLATFORM_UNKNOWN.
 */
export function chooseInstance(index: Index, platform: Platform): Descriptor {
  const [best] = rankInstances(index, platform)
  if (best) return best
  throw noInstance(index, platform)
}

/** The entries that will do for a platform, the best first. */
export function rankInstances(index: Index, platform: Platform): readonly Descriptor[] {
  const wanted = wantedVariants(platform)
  // Sorting is stable: the first in the list wins among equals.
  return index.manifests
    .map((entry) => ({ entry, rank: rankOf(entry, index.format, platform, wanted) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => a.rank! - b.rank! || zstdRank(a.entry, index) - zstdRank(b.entry, index))
    .map(({ entry }) => entry)
}

export function noInstance(index: Index, { os, architecture, variant }: Platform): TransloadError {
  return new TransloadError(
    'PLATFORM_UNKNOWN',
    `no image found in ${index.format === 'oci' ? 'image index' : 'manifest list'} for architecture ` +
      `"${architecture}", variant "${variant ?? ''}", OS "${os}"`,
    { hint: platformsHint(index.manifests) },
  )
}

function wantedVariants({ architecture, variant }: Platform): readonly (string | undefined)[] {
  const chain = variantChains[architecture] ?? []
  if (variant === undefined || variant === '') return [undefined, ...chain]
  const position = chain.indexOf(variant)
  return position < 0 ? [variant, undefined] : [...chain.slice(position), undefined]
}

function rankOf(
  entry: Descriptor,
  format: Index['format'],
  wants: Platform,
  variants: readonly (string | undefined)[],
): number | undefined {
  const { platform: has, mediaType } = entry
  if (!has) {
    if (isIndexType(mediaType)) return variants.length
    return format === 'oci' && !isAttestation(entry) ? variants.length + 1 : undefined
  }
  if (has.os !== wants.os || has.architecture !== wants.architecture) return undefined
  const rank = variants.indexOf(has.variant)
  return rank < 0 ? undefined : rank
}

function zstdRank(entry: Descriptor, index: Index): number {
  return index.format === 'oci' && entry.annotations?.[zstdAnnotation] === 'true' ? 0 : 1
}
