import { displayText, displayUrl, TransloadError } from '@transload/contract'

import { tlsAlert } from './tls-alert.ts'

/** What went wrong: the words people and scripts know from Go's tools, and whether another try may help. */
interface Problem {
  readonly code: 'NETWORK' | 'TLS' | 'PROTOCOL'
  readonly text: string
  readonly retryable?: boolean
  readonly hint?: string
}

const verificationHint =
  'If the certificate is right, add its authority (--cert-dir); --tls-verify=false accepts any certificate.'

const unknownAuthority = 'certificate signed by unknown authority'

const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  INVALID_PURPOSE: 'certificate specifies an incompatible key usage',
  CERT_REVOKED: 'certificate has been revoked',
}

const systemProblems: Readonly<Record<string, Omit<Problem, 'code'>>> = {
  ECONNREFUSED: { text: 'connect: connection refused', retryable: true },
  ECONNRESET: { text: 'connection reset by peer', retryable: true },
  CONNECT_RESET: { text: 'connection reset by peer', retryable: true },
  ECONNABORTED: { text: 'software caused connection abort', retryable: true },
  EPIPE: { text: 'write: broken pipe', retryable: true },
  ETIMEDOUT: { text: 'i/o timeout', retryable: true },
  EHOSTUNREACH: { text: 'connect: no route to host', retryable: true },
  EHOSTDOWN: { text: 'connect: host is down', retryable: true },
  ENETUNREACH: { text: 'connect: network is unreachable', retryable: true },
  ENETDOWN: { text: 'connect: network is down', retryable: true },
  ENETRESET: { text: 'network dropped connection on reset', retryable: true },
  EAI_AGAIN: { text: 'temporary failure in name resolution', retryable: true },
  UND_ERR_CONNECT_TIMEOUT: { text: 'i/o timeout', retryable: true },
  UND_ERR_HEADERS_TIMEOUT: { text: 'timeout awaiting response headers', retryable: true },
  UND_ERR_BODY_TIMEOUT: { text: 'timeout awaiting the response body', retryable: true },
  ERR_TLS_HANDSHAKE_TIMEOUT: { text: 'net/http: TLS handshake timeout', retryable: true },
  // The peer closed the connection, before an answer or within one.
  EOF: { text: 'EOF', retryable: true },
  UND_ERR_SOCKET: { text: 'unexpected EOF', retryable: true },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { text: 'unexpected EOF', retryable: true },
}

/**
 * A failure below HTTP as a TransloadError: `Get "https://host/v2/": problem`. What is one already stays as it is.
 * `secure` tells whether the connection was TLS.
 */
export function connectionError(error: unknown, method: string, url: URL): TransloadError {
  if (TransloadError.is(error)) return error
  const { code, text, retryable, hint } = problemOf(error, url)
  const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`
  return new TransloadError(code, `${verb} "${displayUrl(url)}": ${text}`, { cause: error, retryable, hint })
}

/** Is it a connection that broke, rather than one that could not be made? */
export function isBrokenConnection(error: unknown): error is TransloadError {
  if (!TransloadError.is(error, 'NETWORK') || !error.retryable) return false
  const code = (error.cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'EOF', 'UND_ERR_SOCKET'].includes(code)
}

/** Might the certificate be good if more roots were known? */
export function isUnknownAuthority(error: unknown): boolean {
  return TransloadError.is(error, 'TLS') && certificateProblems[codeOf(error.cause)] === unknownAuthority
}

function problemOf(error: unknown, url: URL): Problem {
  const code = codeOf(error)
  const host = url.hostname
  if (code === 'ENOTFOUND') return { code: 'NETWORK', text: `dial tcp: lookup ${host}: no such host` }
  const system = Object.hasOwn(systemProblems, code) ? systemProblems[code] : undefined
  if (system) {
    const dial =
      system.text.startsWith('connect:') || code === 'UND_ERR_CONNECT_TIMEOUT' ? `dial tcp ${url.host}: ` : ''
    return { code: 'NETWORK', ...system, text: `${dial}${system.text}` }
  }
  return tlsProblem(error, code, host) ?? otherProblem(error, code)
}

function tlsProblem(error: unknown, code: string, host: string): Problem | undefined {
  const certificate = Object.hasOwn(certificateProblems, code) ? certificateProblems[code] : undefined
  if (certificate) {
    return { code: 'TLS', text: `tls: failed to verify certificate: x509: ${certificate}`, hint: verificationHint }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (error as { cert?: { subjectaltname?: string } }).cert?.subjectaltname ?? ''
    return {
      code: 'TLS',
      text: `tls: failed to verify certificate: x509: certificate is valid for ${displayText(names.replace(/DNS:|IP Address:/g, ''), 300) || 'no name'}, not ${host}`,
      hint: verificationHint,
    }
  }
  // What TLS makes of the letters `HTTP/1.1 400 Bad Request`.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return {
      code: 'TLS',
      text: 'http: server gave HTTP response to HTTPS client',
      hint: 'The server speaks plain HTTP; --tls-verify=false allows that.',
    }
  }
  const alert = tlsAlert(code)
  if (alert !== undefined) return { code: 'TLS', text: alert }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO' || code.startsWith('ERR_TLS_')) {
    return { code: 'TLS', text: `tls: ${displayText(reasonOf(error), 300)}` }
  }
  return undefined
}

function otherProblem(error: unknown, code: string): Problem {
  if (code.startsWith('HPE_')) {
    return { code: 'PROTOCOL', text: `malformed HTTP response: ${displayText(reasonOf(error), 300)}` }
  }
  return { code: 'NETWORK', text: displayText(reasonOf(error), 300) }
}

/** Node's own code; of several addresses tried, the first one's. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code
  if (typeof code === 'string') return code
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined
  return first === undefined ? '' : codeOf(first)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const reason = (error as { reason?: unknown }).reason
  return typeof reason === 'string' && reason !== '' ? reason : error.message || error.name
}
