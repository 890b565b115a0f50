import {
  digestAlgorithm,
  errorMessage,
  mediaTypes,
  rawManifest,
  type OperationOptions,
  type Signature,
  type SignatureRequirement,
  type StoredSignature,
  type UnverifiedImage,
  type VerifiedClaim,
  type Verifier,
} from '@transload/contract'

import { acceptsIdentity } from './accepts-identity.ts'

/**
 * What the first signature that meets the requirement proves; or why none does, in the words scripts match: there is
 * none, the reason of the only one, or the reasons of all (trust.md §1.3). Bundles are read if nothing else suffices.
 */
export async function findAcceptedSignature(
  requirement: SignatureRequirement,
  image: UnverifiedImage,
  openVerifier: () => Promise<Verifier>,
  options: OperationOptions,
): Promise<VerifiedClaim | string> {
  const reasons: string[] = []
  const findAmong = async (signatures: readonly Signature[]): Promise<VerifiedClaim | undefined> => {
    for (const signature of signatures) {
      const proof = await check(signature, requirement, image, openVerifier, options)
      if (typeof proof !== 'string') return proof
      reasons.push(proof)
    }
    return undefined
  }
  const stored = await image.signatures(options)
  const proof =
    (await findAmong(stored.filter((signature) => isCandidate(signature, requirement)))) ??
    (requirement.type === 'sigstoreSigned' ? await findAmong((await image.bundles?.(options)) ?? []) : undefined)
  if (proof) return proof
  if (reasons.length === 0) return `A signature was required, but no signature exists${others(stored, requirement)}`
  return reasons.length === 1 ? reasons[0]! : `None of the signatures were accepted, reasons: ${reasons.join('; ')}`
}

function isCandidate(signature: StoredSignature, { type }: SignatureRequirement): boolean {
  if (type === 'signedBy') return signature.kind === 'simple'
  return signature.kind === 'sigstore' && signature.mediaType === mediaTypes.cosignSignature
}

/** What there is that was no candidate. */
function others(stored: readonly StoredSignature[], { type }: SignatureRequirement): string {
  if (type === 'signedBy' || stored.length === 0) return ''
  const simple = stored.filter(({ kind }) => kind === 'simple').length
  return ` (${simple} non-sigstore signatures, ${stored.length - simple} sigstore non-signature attachments)`
}

/** What the signature proves, if that is what is required; else why it is not. */
async function check(
  signature: Signature,
  { signedIdentity }: SignatureRequirement,
  { reference, manifest }: UnverifiedImage,
  openVerifier: () => Promise<Verifier>,
  options: OperationOptions,
): Promise<VerifiedClaim | string> {
  let claim: VerifiedClaim
  try {
    claim = await (await openVerifier()).verify(signature, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    return errorMessage(error)
  }
  // Of the bytes, in the algorithm the signature has chosen: nobody's word is taken for what their digest is.
  const { digest } = rawManifest(manifest.bytes, manifest.mediaType, digestAlgorithm(claim.manifest))
  if (digest !== claim.manifest) return `Signature for digest ${claim.manifest} does not match`
  if (acceptsIdentity(signedIdentity, reference, claim.identity)) return claim
  return claim.identity === undefined
    ? 'Signature is not accepted: the signature names no image'
    : `Signature for identity ${JSON.stringify(claim.identity)} is not accepted`
}
