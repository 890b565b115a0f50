import { errorMessage, TransloadError } from '@transload/contract'

/** The same error with words before its message: code, hint and cause stay. What is not ours becomes PROTOCOL. */
export function prefixed(prefix: string, error: unknown): TransloadError {
  const known = TransloadError.is(error) ? error : undefined
  return new TransloadError(known?.code ?? 'PROTOCOL', `${prefix}: ${errorMessage(error)}`, {
    cause: error,
    hint: known?.hint,
    retryable: known?.retryable,
  })
}
