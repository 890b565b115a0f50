import { referenceText, type ImageReference, type TrustPolicy } from '@transload/contract'

import type { Policy, PolicyRequirement } from './policy.ts'

/**
 * Decides by `policy` as far as that takes no signatures: what asks for one is refused with the reason. The first scope
 * of the image that the policy has decides alone; then the transport's default, then the policy's. Requirements are
 * looked at in order, up to the first that is not met.
 */
export function createTrustPolicy(policy: Policy): TrustPolicy {
  return {
    async evaluate({ reference }, { signal } = {}) {
      signal?.throwIfAborted()
      for (const requirement of requirementsFor(policy, reference)) {
        const reason = unmetReason(requirement, reference, policy)
        if (reason !== undefined) return { allowed: false, reasons: [reason] }
      }
      return { allowed: true, proofs: [] }
    },
  }
}

function requirementsFor(policy: Policy, { scheme, policyScopes }: ImageReference): readonly PolicyRequirement[] {
  const scopes = policy.transports.get(scheme)
  const scope = [...policyScopes, ''].find((candidate) => scopes?.has(candidate))
  return (scope === undefined ? undefined : scopes?.get(scope)) ?? policy.default
}

/** Undefined when the requirement is met. */
function unmetReason({ type }: PolicyRequirement, reference: ImageReference, { file }: Policy): string | undefined {
  switch (type) {
    case 'insecureAcceptAnything':
      return undefined
    case 'reject':
      return `Running image ${referenceText(reference)} is rejected by policy.`
    case 'signedBaseLayer':
      return 'signedBaseLayer not implemented yet!'
    default:
      return `${file} asks for ${type}, which needs signature verification, which this version does not do`
  }
}
