import { digestAlgorithm, digestHex, type Digest } from '@transload/contract'

/** Of a signature, of attestations, and of an SBOM. */
const suffixes = ['sig', 'att', 'sbom']
/** Of any tag (distribution spec 1.1): a longer one cannot exist. */
const longestTag = 128

/**
 * The tags under which cosign keeps what it attaches to a manifest (its specs/SIGNATURE_SPEC.md), where it does not use
 * a referrer for that.
 */
export function attachedTags(manifest: Digest): readonly string[] {
  return suffixes.map((suffix) => tagOf(manifest, suffix)).filter((tag) => tag.length <= longestTag)
}

export function signatureTag(manifest: Digest): string {
  return tagOf(manifest, 'sig')
}

function tagOf(manifest: Digest, suffix: string): string {
  return `${digestAlgorithm(manifest)}-${digestHex(manifest)}.${suffix}`
}
