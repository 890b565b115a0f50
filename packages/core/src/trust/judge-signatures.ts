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
  type Verdict,
  type VerifiedClaim,
  type Verifier,
} from '@transload/contract'

import { acceptsIdentity } from './accepts-identity.ts'

/**
 * Accepts the image for the first signature that meets the requirement. If none does the reason is, in the words scripts
 * match, that there is none, that of the only one, or those of all (trust.md §1.3). What is attached is read if nothing else
 * suffices.
 */
export async function judgeSignatures(
  requirement: SignatureRequirement,
  image: UnverifiedImage,
  openVerifier: () => Promise<Verifier>,
  options: OperationOptions,
): Promise<Verdict> {
  const reasons: string[] = []
  const findProof = async (signatures: readonly Signature[]): Promise<VerifiedClaim | undefined> => {
    for (const signature of signatures) {
      const proof = await check(signature, requirement, image, openVerifier, options)
      if (typeof proof !== 'string') return proof
      reasons.push(proof)
    }
    return undefined
  }
  const stored = await image.signatures(options)
  const proof =
    (await findProof(stored.filter((signature) => isCandidate(signature, requirement)))) ??
    (requirement.type === 'sigstoreSigned' ? await findProof((await image.attached?.(options)) ?? []) : undefined)
  if (proof) return { allowed: true, proofs: [proof] }
  if (reasons.length === 0) {
    const reason = `A signature was required, but no signature exists${describeOthers(stored, requirement)}`
    return { allowed: false, reasons: [reason], isUnsigned: true }
  }
  const [only] = reasons
  const summary = `None of the signatures were accepted, reasons: ${reasons.join('; ')}`
  return { allowed: false, reasons: [only !== undefined && reasons.length === 1 ? only : summary] }
}

function isCandidate(signature: StoredSignature, { type }: SignatureRequirement): boolean {
  if (type === 'signedBy') return signature.kind === 'simple'
  return signature.kind === 'sigstore' && signature.mediaType === mediaTypes.cosignSignature
}

/** What there is that was no candidate. */
function describeOthers(stored: readonly StoredSignature[], { type }: SignatureRequirement): string {
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
