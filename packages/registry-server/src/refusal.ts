import { HttpError, TransloadError, systemErrorCode } from '@transload/contract'

/** Error codes of the OCI distribution spec (1.1, "Error codes") and the two the Docker registry adds, with their status. */
const statusOf = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const

export type RefusalCode = keyof typeof statusOf

/** An answer to a client that is an error of the spec. `status` only where it differs from the code's usual one. */
export function refusal(code: RefusalCode, message: string, status: number = statusOf[code]): HttpError {
  return new HttpError(code, message, { status, serverCodes: [code] })
}

/** What of `error` may be told to a client: its own refusals whole, the rest as a failure of the server without detail. */
export function refusalOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (TransloadError.is(error, 'MANIFEST_UNKNOWN')) return refusal('MANIFEST_UNKNOWN', 'manifest unknown')
  if (TransloadError.is(error, 'BLOB_UNKNOWN')) return refusal('BLOB_UNKNOWN', 'blob unknown to registry')
  if (TransloadError.is(error, 'SIZE_LIMIT')) return refusal('SIZE_INVALID', error.message, 413)
  if (systemErrorCode(error) === 'ENOSPC') return refusal('UNKNOWN', 'the registry has no space left', 507)
  return refusal('UNKNOWN', 'the registry failed; its log says why')
}

/** The body of an error answer (distribution spec, "Error codes"). */
export function refusalBody(error: HttpError): string {
  return `${JSON.stringify({ errors: [{ code: error.code, message: error.message }] })}\n`
}
