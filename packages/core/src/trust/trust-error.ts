import { TransloadError } from '@transload/contract'

/** The policy does not accept an image: TRUST_REJECTED. `reasons` holds every requirement that was not met. */
export class TrustError extends TransloadError {
  readonly reasons: readonly string[]

  constructor(reasons: readonly string[], hint?: string) {
    super('TRUST_REJECTED', `Source image rejected: ${reasons.join('; ')}`, { hint })
    this.reasons = reasons
  }
}
