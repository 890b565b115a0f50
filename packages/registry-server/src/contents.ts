import type { Descriptor, Digest } from '@transload/contract'

import type { Repository } from './catalog.ts'
import type { LayoutStore } from './layout-store.ts'

/** What the manifests of a repository amount to. */
export interface Contents {
  /** Every manifest with its type: those listed, and those that indexes among them mention and that are there. */
  readonly manifests: ReadonlyMap<Digest, string>
  /** An index that mentions the manifest, for those mentioned. */
  readonly parents: ReadonlyMap<Digest, Digest>
  /** Blobs that the manifests reference, whether or not they are there. */
  readonly blobs: ReadonlySet<Digest>
  /** By subject: the manifests that refer to it, as the referrers API lists them, sorted by digest. */
  readonly referrers: ReadonlyMap<Digest, readonly Descriptor[]>
}

/** Manifests read at once. */
const concurrency = 16

export async function readContents(store: LayoutStore, repository: Repository): Promise<Contents> {
  const manifests = new Map<Digest, string>()
  const parents = new Map<Digest, Digest>()
  const blobs = new Set<Digest>()
  const referrers = new Map<Digest, Descriptor[]>()
  const queue: (readonly [digest: Digest, mediaType: string, isListed: boolean])[] = []
  const seen = new Set<Digest>()
  const enqueue = ({ digest, mediaType }: Descriptor, isListed: boolean): void => {
    if (seen.has(digest)) return
    seen.add(digest)
    queue.push([digest, mediaType, isListed])
  }
  for (const entry of repository.manifests.values()) enqueue(entry, true)
  while (queue.length > 0) {
    const batch = queue.splice(0, concurrency)
    const read = await Promise.all(batch.map(([digest, mediaType]) => store.readFacts(digest, mediaType)))
    for (const [index, facts] of read.entries()) {
      const [digest, mediaType, isListed] = batch[index]!
      if (facts || isListed) manifests.set(digest, mediaType)
      if (!facts) continue
      for (const blob of facts.blobs) blobs.add(blob)
      for (const child of facts.children) {
        parents.set(child.digest, digest)
        enqueue(child, false)
      }
      if (facts.subject === undefined) continue
      const list = referrers.get(facts.subject)
      if (list) list.push(facts.descriptor)
      else referrers.set(facts.subject, [facts.descriptor])
    }
  }
  for (const list of referrers.values()) list.sort((one, other) => (one.digest < other.digest ? -1 : 1))
  return { manifests, parents, blobs, referrers }
}
