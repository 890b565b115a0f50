import { errorMessage, TransloadError } from '@transload/contract'

/**
 * An error of a source or a destination, with its place in the copy. `code`, `hint` and `retryable` are the
 * cause's; a cause that is not a TransloadError has code IO. A read that fails inside a write is the source's.
 */
export class TransferError extends TransloadError {
  readonly side: 'source' | 'destination'
  readonly step: 'plan' | 'transfer' | 'commit'

  /** The message becomes `what: message of the cause`. */
  constructor(side: TransferError['side'], step: TransferError['step'], what: string, cause: unknown) {
    const known = TransloadError.is(cause) ? cause : undefined
    super(known?.code ?? 'IO', `${what}: ${errorMessage(cause)}`, {
      cause,
      hint: known?.hint,
      retryable: known?.retryable ?? false,
    })
    this.side = side
    this.step = step
  }
}
