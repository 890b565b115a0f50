import type { BlobInfoCache, BlobSubstitute, Digest } from '@transload/contract'

import { substitutesInOrder } from './substitutes-in-order.ts'

/** Remembers for as long as it is referenced. Newest location first. */
export function createMemoryBlobInfoCache(): Required<BlobInfoCache> {
  const locations = new Map<string, string[]>()
  const uncompressed = new Map<Digest, Digest>()
  const compressions = new Map<Digest, Pick<BlobSubstitute, 'compression' | 'annotations'>>()
  const locationsOf = (scope: string, blob: Digest): readonly string[] => locations.get(`${blob} ${scope}`) ?? []
  return {
    locations: async (scope, blob) => locationsOf(scope, blob),
    rememberLocation: async (scope, blob, location) => {
      const others = locationsOf(scope, blob).filter((other) => other !== location)
      locations.set(`${blob} ${scope}`, [location, ...others])
    },
    uncompressed: async (blob) => uncompressed.get(blob),
    rememberUncompressed: async (blob, digest) => {
      uncompressed.set(blob, digest)
    },
    substitutes: async (scope, blob) => {
      const content = uncompressed.get(blob)
      if (content === undefined) return []
      const same = [...uncompressed].flatMap(([digest, other]) =>
        other === content && digest !== blob ? [digest] : [],
      )
      return substitutesInOrder(
        content,
        same.flatMap((digest) => {
          const known = compressions.get(digest)
          return known ? [{ digest, ...known, locations: locationsOf(scope, digest) }] : []
        }),
      )
    },
    rememberCompression: async (blob, compression, annotations) => {
      const known = compressions.get(blob)
      // That zstd is chunked is not unlearned.
      if (compression === 'zstd' && known?.compression === 'zstd:chunked') return
      compressions.set(blob, { compression, ...(annotations ? { annotations } : {}) })
    },
  }
}
