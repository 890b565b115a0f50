import { TransloadError } from '@transload/contract'

/** What a verifier refuses a signature with; `problem` is the reason a policy gives. */
export function invalidSignature(problem: string, cause?: unknown): TransloadError {
  return new TransloadError('SIGNATURE_INVALID', problem, { cause })
}
