import type { OperationOptions, TrustPolicy, UnverifiedImage, VerifiedClaim } from '@transload/contract'

import { TrustError } from './trust-error.ts'

/** What it took for the policy to accept the image: nothing without a policy. Throws TrustError if it does not. */
export async function checkTrust(
  policy: TrustPolicy | undefined,
  image: UnverifiedImage,
  options: OperationOptions,
): Promise<readonly VerifiedClaim[]> {
  const verdict = await policy?.evaluate(image, options)
  if (verdict?.allowed === false) throw new TrustError(verdict)
  return verdict?.proofs ?? []
}

/**
 * The policy accepts an index as it does an image; or, where it asks for a signature and there is none, if it accepts every
 * image in it: then all of them have to be copied (`isWhole`), and are asked about one by one. The same goes for the
 * `nested` indexes then, for which the root does not answer. Throws TrustError.
 */
export async function checkIndexTrust(
  policy: TrustPolicy | undefined,
  root: UnverifiedImage,
  nested: readonly UnverifiedImage[],
  { isWhole, ...options }: OperationOptions & { readonly isWhole: boolean },
): Promise<void> {
  if (!policy) return
  const verdict = await policy.evaluate(root, options)
  if (verdict.allowed) return
  if (!isWhole || !verdict.isUnsigned) throw new TrustError(verdict, verdict.isUnsigned ? wholeHint : undefined)
  for (const index of nested) {
    const inner = await policy.evaluate(index, options)
    if (!inner.allowed && !inner.isUnsigned) throw new TrustError(inner)
  }
}

const wholeHint = 'A list without a signature of its own is accepted only if all of its images are copied (--all).'
