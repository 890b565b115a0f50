import type { Descriptor } from '@transload/contract'

const typeAnnotation = 'vnd.docker.reference.type'

/** On an index entry that is an attestation: the digest of the entry it is about, in the same index (BuildKit). */
export const attestedDigestAnnotation = 'vnd.docker.reference.digest'

/** An entry that holds no image: BuildKit's provenance and SBOM of another entry, under the platform `unknown/unknown`. */
export function isAttestation({ annotations }: Pick<Descriptor, 'annotations'>): boolean {
  return annotations?.[typeAnnotation] === 'attestation-manifest'
}
