import { digestAlgorithm, digestHex, type Digest } from '@transload/contract'

/** Of a signature, of attestations, and of an SBOM. */
const suffixes = ['sig', 'att', 'sbom']

/**
 * The tags under which cosign keeps what it attaches to a manifest (its specs/SIGNATURE_SPEC.md), where it does not use
 * a referrer for that.
 */
export function attachedTags(manifest: Digest): readonly string[] {
  return suffixes.map((suffix) => `${digestAlgorithm(manifest)}-${digestHex(manifest)}.${suffix}`)
}

export function signatureTag(manifest: Digest): string {
  return attachedTags(manifest)[0]!
}
