/** A place images are read from. */
export interface MirrorEntry {
  readonly location: string
  /** Certificates are not verified, and plain http will do. */
  readonly insecure: boolean
  /** For which references it is asked. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only'
}

/** A `[[registry]]`. */
export interface RegistryEntry {
  /** `host[:port][/path]`, or `*.example.com` for the hosts below that one. */
  readonly prefix: string
  /** What takes the place of the prefix; absent (with a wildcard only): nothing does. */
  readonly location: string | undefined
  readonly insecure: boolean
  readonly blocked: boolean
  readonly mirrors: readonly MirrorEntry[]
}

/** Sorted; of several with the same prefix the last. */
export function byPrefix(registries: readonly RegistryEntry[]): readonly RegistryEntry[] {
  const unique = new Map(registries.map((entry) => [entry.prefix, entry]))
  return [...unique.values()].toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
}
