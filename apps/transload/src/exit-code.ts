import { systemErrorCode, TransloadError, type HttpError } from '@transload/contract'

/**
 * skopeo's: 2 when the image does not exist, said by a registry (its code MANIFEST_UNKNOWN) or by an OCI layout whose
 * index lacks the reference; else 1.
 */
export function exitCode(error: unknown): 1 | 2 {
  return causes(error).some(saysImageUnknown) ? 2 : 1
}

/** The error and what caused it, outermost first. */
export function causes(error: unknown): unknown[] {
  const chain: unknown[] = []
  for (let cause = error; cause !== undefined && !chain.includes(cause);) {
    chain.push(cause)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return chain
}

/** The code a failure is reported under: the error's own, else IO for the system's and UNKNOWN for anything else. */
export function reportedCode(error: unknown): string {
  if (TransloadError.is(error)) return error.code
  return systemErrorCode(error) === undefined ? 'UNKNOWN' : 'IO'
}

function saysImageUnknown(error: unknown): boolean {
  if (!TransloadError.is(error, 'MANIFEST_UNKNOWN')) return false
  // A plugin may have its own copy of the contract, so the class does not tell.
  const { serverCodes } = error as Partial<HttpError>
  return serverCodes
    ? serverCodes.includes('MANIFEST_UNKNOWN')
    : error.message.startsWith('no descriptor found for reference')
}
