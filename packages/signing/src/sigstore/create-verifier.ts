import type { SigstoreSignedRequirement, Verifier } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { verifyAttachedSignature } from './attached-signature.ts'
import { readTrustMaterial } from './trust-material.ts'

/**
 * A verifier of sigstore signatures for what a policy asks (trust.md §3.1). Reads the keys and certificates it names at
 * once: throws CONFIG_INVALID where that does not go. Stateless after that; verifies without network.
 */
export async function createSigstoreVerifier(requirement: SigstoreSignedRequirement): Promise<Verifier> {
  const material = await readTrustMaterial(requirement)
  return {
    async verify(signature, { signal } = {}) {
      signal?.throwIfAborted()
      if (signature.kind === 'sigstore') return verifyAttachedSignature(signature, material)
      if (signature.kind !== 'bundle') throw invalidSignature('not a sigstore signature')
      const { verifyBundle } = await import('./bundle.ts')
      return verifyBundle(signature, material)
    },
  }
}
