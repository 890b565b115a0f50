import {
  referenceText,
  type ImageReference,
  type OperationOptions,
  type Policy,
  type PolicyRequirement,
  type SignatureRequirement,
  type TrustPolicy,
  type UnverifiedImage,
  type Verdict,
  type VerifiedClaim,
  type Verifier,
} from '@transload/contract'

import { judgeSignatures } from './judge-signatures.ts'

export interface TrustPolicyOptions {
  /** Called when there is a signature to check, once for each requirement of the policy. */
  readonly openVerifier: (requirement: SignatureRequirement) => Promise<Verifier>
  /** Accept no image for which the policy asks for no signature. */
  readonly requireSigned?: boolean | undefined
}

/**
 * Decides by `policy`. The first scope of the image that the policy has decides alone; then the transport's default, then
 * the policy's. Requirements are looked at in order, up to the first that is not met (trust.md §1.3). Signatures are read
 * only for a requirement that asks for one. What reading them throws is thrown; what a verifier throws is a reason.
 */
export function createTrustPolicy(policy: Policy, { openVerifier, requireSigned }: TrustPolicyOptions): TrustPolicy {
  const verifiers = new Map<SignatureRequirement, Promise<Verifier>>()
  const verifierFor = (requirement: SignatureRequirement): Promise<Verifier> => {
    const opened = verifiers.get(requirement) ?? openVerifier(requirement)
    verifiers.set(requirement, opened)
    return opened
  }
  return {
    async evaluate(image, options = {}) {
      options.signal?.throwIfAborted()
      const proofs: VerifiedClaim[] = []
      for (const requirement of requirementsFor(policy, image.reference)) {
        const verdict = await judge(requirement, image, verifierFor, options)
        if (!verdict.allowed) return verdict
        proofs.push(...verdict.proofs)
      }
      if (requireSigned && proofs.length === 0) {
        return refused(`No signature verification policy found for image ${referenceText(image.reference)}`)
      }
      return { allowed: true, proofs }
    },
  }
}

function requirementsFor(policy: Policy, { scheme, policyScopes }: ImageReference): readonly PolicyRequirement[] {
  const scopes = policy.transports.get(scheme)
  const scope = [...policyScopes, ''].find((candidate) => scopes?.has(candidate))
  return (scope === undefined ? undefined : scopes?.get(scope)) ?? policy.default
}

async function judge(
  requirement: PolicyRequirement,
  image: UnverifiedImage,
  verifierFor: (requirement: SignatureRequirement) => Promise<Verifier>,
  options: OperationOptions,
): Promise<Verdict> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return { allowed: true, proofs: [] }
    case 'reject':
      return refused(`Running image ${referenceText(image.reference)} is rejected by policy.`)
    case 'signedBaseLayer':
      return refused('signedBaseLayer not implemented yet!')
    case 'signedBy':
    case 'sigstoreSigned':
      return await judgeSignatures(requirement, image, () => verifierFor(requirement), options)
    default: {
      const { type } = requirement as { readonly type: unknown }
      return refused(`Unknown policy requirement type ${JSON.stringify(type)}`)
    }
  }
}

function refused(reason: string): Verdict {
  return { allowed: false, reasons: [reason] }
}
