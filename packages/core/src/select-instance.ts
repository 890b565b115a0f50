import { TransloadError, type Descriptor, type Manifest, type Platform } from '@transload/contract'

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
 * among equals, and entries without a platform come last. Throws PLATFORM_UNKNOWN.
 */
export function chooseInstance(index: Index, platform: Platform): Descriptor {
  const wanted = wantedVariants(platform)
  const ranked = index.manifests
    .map((entry) => ({ entry, rank: rankOf(entry, index.format, platform, wanted) }))
    .filter(({ rank }) => rank !== undefined)
  // Sorting is stable: the first in the list wins among equals.
  const best = ranked.sort((a, b) => a.rank! - b.rank! || zstdRank(a.entry, index) - zstdRank(b.entry, index))[0]
  if (best) return best.entry
  throw new TransloadError(
    'PLATFORM_UNKNOWN',
    `no image found in ${index.format === 'oci' ? 'image index' : 'manifest list'} for architecture ` +
      `"${platform.architecture}", variant "${platform.variant ?? ''}", OS "${platform.os}"`,
    { hint: platformsHint(index) },
  )
}

function wantedVariants({ architecture, variant }: Platform): readonly (string | undefined)[] {
  const chain = variantChains[architecture] ?? []
  if (variant === undefined || variant === '') return [undefined, ...chain]
  const position = chain.indexOf(variant)
  return position < 0 ? [variant, undefined] : [...chain.slice(position), undefined]
}

function rankOf(
  { platform: has }: Descriptor,
  format: Index['format'],
  wants: Platform,
  variants: readonly (string | undefined)[],
): number | undefined {
  if (!has) return format === 'oci' ? variants.length : undefined
  if (has.os !== wants.os || has.architecture !== wants.architecture) return undefined
  const rank = variants.indexOf(has.variant)
  return rank < 0 ? undefined : rank
}

function zstdRank(entry: Descriptor, index: Index): number {
  return index.format === 'oci' && entry.annotations?.[zstdAnnotation] === 'true' ? 0 : 1
}

function platformsHint(index: Index): string | undefined {
  const names = index.manifests
    .filter(({ platform }) => platform !== undefined && platform.os !== 'unknown')
    .map(({ platform }) => [platform!.os, platform!.architecture, platform!.variant].filter(Boolean).join('/'))
  return names.length > 0 ? `It has ${[...new Set(names)].join(', ')}.` : undefined
}
