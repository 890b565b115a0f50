import type { Signature, SigstoreSignedRequirement, VerifiedClaim, Verifier } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { verifyAttachedSignature } from './attached-signature.ts'
import { readTrustMaterial, type TrustMaterial } from './trust-material.ts'

/**
 * A verifier of sigstore signatures for what a policy asks (trust.md §3.1). Reads the keys and certificates it names at
 * once: throws CONFIG_INVALID where that does not go. Stateless after that; verifies without network.
 */
export async function createSigstoreVerifier(requirement: SigstoreSignedRequirement): Promise<Verifier> {
  const material = await readTrustMaterial(requirement)
  return {
    async verify(signature, { signal } = {}) {
      signal?.throwIfAborted()
      return verifySignature(signature, material)
    },
  }
}

function verifySignature(signature: Signature, material: TrustMaterial): VerifiedClaim {
  switch (signature.kind) {
    case 'sigstore':
      return verifyAttachedSignature(signature, material)
    default:
      throw invalidSignature('not a sigstore signature')
  }
}
