import { displayText, HttpError } from '@transload/contract'

import { parseChallenges } from './auth/challenge.ts'
import type { HttpResponse } from './http/http-client.ts'
import { loneErrorText, quirkOfError, type ServerError } from './registry-quirks.ts'
import { parseRetryAfter } from './retry.ts'

/** Longest error body that is read, in bytes. */
const maxErrorBytes = 64 * 1024

/** The registry API's codes and their standard messages; a code that is not here counts as UNKNOWN. */
const standardMessages: Readonly<Record<string, string>> = {
  UNKNOWN: 'unknown error',
  UNSUPPORTED: 'The operation is unsupported.',
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  UNAVAILABLE: 'service unavailable',
  TOOMANYREQUESTS: 'too many requests',
  DIGEST_INVALID: 'provided digest did not match uploaded content',
  SIZE_INVALID: 'provided length did not match content length',
  RANGE_INVALID: 'invalid content range',
  NAME_INVALID: 'invalid repository name',
  TAG_INVALID: 'manifest tag did not match URI',
  NAME_UNKNOWN: 'repository name not known to registry',
  MANIFEST_UNKNOWN: 'manifest unknown',
  MANIFEST_INVALID: 'manifest invalid',
  MANIFEST_UNVERIFIED: 'manifest failed signature verification',
  MANIFEST_BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UPLOAD_UNKNOWN: 'blob upload unknown to registry',
  BLOB_UPLOAD_INVALID: 'blob upload invalid',
  PAGINATION_NUMBER_INVALID: 'invalid number of results requested',
}

/** What a request was for: the meaning of a bare 404. */
export type Subject = 'manifest' | 'blob' | 'name' | 'other'

/**
 * The error a response is, in the words of registry-client.md §9, after `prefix: `. Reads the body, bounded.
 * `code` is ours: MANIFEST_UNKNOWN, NAME_UNKNOWN, BLOB_UNKNOWN, UNAUTHENTICATED, DENIED, RATE_LIMITED, UNAVAILABLE,
 * UNSUPPORTED or PROTOCOL; `serverCodes` are the server's, put right by the table of quirks.
 */
export async function registryError(response: HttpResponse, prefix: string, subject: Subject): Promise<HttpError> {
  const { status } = response
  const body = await readStart(response)
  const inBody = status >= 400 && status < 500 ? parseErrors(status, body) : []
  const errors = [...tokenErrors(response), ...inBody]
  const quirks = errors.map((error) => quirkOfError(status, { ...error, code: standardCode(error) }))
  const serverCodes = errors.map((error, i) => quirks[i]?.means ?? error.code)
  const code = ourCode(status, serverCodes, subject)
  return new HttpError(code, `${prefix}: ${displayText(await describe(status, errors, body), 1000)}`, {
    status,
    serverCodes,
    retryable: code === 'RATE_LIMITED' || code === 'UNAVAILABLE',
    retryAfterMs: parseRetryAfter(response.headers.get('retry-after'), Date.now()),
    hint: quirks[0]?.hint ?? hints[code],
  })
}

/** The error of a status that says all there is to say. */
export async function unexpectedStatus(status: number, prefix: string): Promise<HttpError> {
  const code = ourCode(status, [], 'other')
  return new HttpError(code, `${prefix}: ${await statusPhrase(status)}`, {
    status,
    retryable: code === 'RATE_LIMITED' || code === 'UNAVAILABLE',
    hint: hints[code],
  })
}

const hints: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'Log in to the registry first, or give other credentials.',
  DENIED: 'These credentials do not allow this, or the repository does not exist.',
}

async function describe(status: number, errors: readonly ServerError[], body: string): Promise<string> {
  if (status < 400 || status >= 500) return await statusPhrase(status)
  const first = errors[0]
  if (first) return describeServerError(first)
  if (status === 401) return 'authentication required'
  return `StatusCode: ${status}, ${JSON.stringify(body.length > 50 ? `${body.slice(0, 50)}...` : body)}`
}

function describeServerError({ code, message, detail }: ServerError): string {
  const name = standardCode({ code })
  const title = name.toLowerCase().replaceAll('_', ' ')
  const isStandard = message === standardMessages[name]
  if ((detail === undefined || detail === null) && (message === '' || isStandard)) {
    return name === 'UNAUTHORIZED' ? standardMessages['UNAUTHORIZED']! : title
  }
  return isStandard ? message : `${title}: ${message}`
}

function standardCode({ code }: Pick<ServerError, 'code'>): string {
  return Object.hasOwn(standardMessages, code) ? code : 'UNKNOWN'
}

function ourCode(status: number, codes: readonly string[], subject: Subject): string {
  const absent = { manifest: 'MANIFEST_UNKNOWN', blob: 'BLOB_UNKNOWN', name: 'NAME_UNKNOWN', other: 'PROTOCOL' }[
    subject
  ]
  if (status === 429 || codes.includes('TOOMANYREQUESTS')) return 'RATE_LIMITED'
  if (status === 401 || codes[0] === 'UNAUTHORIZED') return 'UNAUTHENTICATED'
  if (status === 403 || codes[0] === 'DENIED') return 'DENIED'
  if (codes.includes('MANIFEST_UNKNOWN')) return 'MANIFEST_UNKNOWN'
  if (codes.includes('NAME_UNKNOWN')) return subject === 'manifest' ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN'
  if (codes.includes('BLOB_UNKNOWN')) return subject === 'manifest' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN'
  if (status === 404 && (codes.length === 0 || codes.includes('NOT_FOUND'))) return absent
  if (codes.includes('UNSUPPORTED') || status === 405) return 'UNSUPPORTED'
  if (status >= 500) return [502, 503, 504].includes(status) ? 'UNAVAILABLE' : 'PROTOCOL'
  return 'PROTOCOL'
}

/** What a Bearer challenge says about the token that was sent (RFC 6750 §3.1). */
function tokenErrors({ status, headers }: HttpResponse): ServerError[] {
  if (status < 400 || status >= 500) return []
  for (const { scheme, parameters } of parseChallenges(headers.all('www-authenticate'))) {
    const code = { invalid_token: 'UNAUTHORIZED', insufficient_scope: 'DENIED' }[parameters['error'] ?? '']
    if (scheme !== 'bearer' || code === undefined) continue
    const message = parameters['error_description'] ?? standardMessages[code]!
    return [{ code, message, detail: 'token' }]
  }
  return []
}

function parseErrors(status: number, body: string): ServerError[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return []
  }
  if (typeof json !== 'object' || json === null) return []
  const text = loneErrorText(json)
  if (text !== undefined) {
    const code = { 401: 'UNAUTHORIZED', 429: 'TOOMANYREQUESTS' }[status] ?? 'UNKNOWN'
    return [{ code, message: text, detail: undefined }]
  }
  const { errors } = json as { errors?: unknown }
  if (!Array.isArray(errors)) return []
  return errors.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return []
    const { code, message, detail } = item as Record<string, unknown>
    return [
      {
        code: typeof code === 'string' ? code : 'UNKNOWN',
        message: typeof message === 'string' ? message : '',
        detail,
      },
    ]
  })
}

async function readStart(response: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= maxErrorBytes) break
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function statusPhrase(status: number): Promise<string> {
  const { STATUS_CODES } = await import('node:http')
  return `received unexpected HTTP status: ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()
}
