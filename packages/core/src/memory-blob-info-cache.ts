import type { BlobInfoCache, Digest } from '@transload/contract'

/** Remembers for as long as it is referenced. Newest location first. */
export function createMemoryBlobInfoCache(): BlobInfoCache {
  const locations = new Map<string, string[]>()
  const uncompressed = new Map<Digest, Digest>()
  return {
    locations: async (scope, blob) => locations.get(`${blob} ${scope}`) ?? [],
    rememberLocation: async (scope, blob, location) => {
      const key = `${blob} ${scope}`
      const others = (locations.get(key) ?? []).filter((other) => other !== location)
      locations.set(key, [location, ...others])
    },
    uncompressed: async (blob) => uncompressed.get(blob),
    rememberUncompressed: async (blob, digest) => {
      uncompressed.set(blob, digest)
    },
  }
}
