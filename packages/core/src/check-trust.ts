import type { OperationOptions, TrustPolicy, UnverifiedImage } from '@transload/contract'

import { TrustError } from './trust-error.ts'

/** Throws TrustError when there is a policy and it does not accept the image. */
export async function checkTrust(
  policy: TrustPolicy | undefined,
  image: UnverifiedImage,
  options: OperationOptions,
): Promise<void> {
  const verdict = await policy?.evaluate(image, options)
  if (verdict?.allowed === false) throw new TrustError(verdict.reasons)
}
