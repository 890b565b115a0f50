import { errorMessage, TransloadError } from '@transload/contract'

/** The same error with words before its message: code, hint and cause stay. What is not ours gets `code`. */
export function prefixed(prefix: string, error: unknown, code = 'PROTOCOL'): TransloadError {
  const known = TransloadError.is(error) ? error : undefined
  return new TransloadError(known?.code ?? code, `${prefix}: ${errorMessage(error)}`, {
    cause: error,
    hint: known?.hint,
    retryable: known?.retryable,
  })
}
