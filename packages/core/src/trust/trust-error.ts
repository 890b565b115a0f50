import { TransloadError, type Verdict } from '@transload/contract'

/** The policy does not accept an image: TRUST_REJECTED. `reasons` holds every requirement that was not met. */
export class TrustError extends TransloadError {
  readonly reasons: readonly string[]
  /** All that is wrong is that there is no signature of the kind asked for. */
  readonly isUnsigned: boolean

  constructor({ reasons, isUnsigned = false }: Extract<Verdict, { readonly allowed: false }>, hint?: string) {
    super('TRUST_REJECTED', `Source image rejected: ${reasons.join('; ')}`, { hint })
    this.reasons = reasons
    this.isUnsigned = isUnsigned
  }
}
