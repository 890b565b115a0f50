import { createHash } from 'node:crypto'

/** Hashes of RFC 6962, §2.1: of a tree over entries that are given as the hashes of its leaves. */
export function leafHash(entry: Uint8Array): Buffer {
  return createHash('sha256').update(Uint8Array.of(0)).update(entry).digest()
}

export function rootHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest()
  if (leaves.length === 1) return leaves[0]!
  const split = splitOf(leaves.length)
  return nodeHash(rootHash(leaves.slice(0, split)), rootHash(leaves.slice(split)))
}

/** What proves, with the leaf itself, that it is in the tree: from its neighbour upwards. */
export function inclusionProof(leaves: readonly Buffer[], index: number): readonly Buffer[] {
  if (leaves.length === 1) return []
  const split = splitOf(leaves.length)
  return index < split
    ? [...inclusionProof(leaves.slice(0, split), index), rootHash(leaves.slice(split))]
    : [...inclusionProof(leaves.slice(split), index - split), rootHash(leaves.slice(0, split))]
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
}

/** The largest power of two that is less than `size`. */
function splitOf(size: number): number {
  return 2 ** (Math.ceil(Math.log2(size)) - 1)
}
