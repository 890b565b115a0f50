import { collect, displayText, displayUrl, errorMessage, HttpError, TransloadError } from '@transload/contract'
import type { OperationOptions } from '@transload/contract'

/** As the platform's, and its default. What an app gives instead brings its proxies and its roots of trust. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface ServiceOptions {
  readonly fetch?: Fetch | undefined
}

export interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
}

export interface ServiceAnswer {
  readonly request: ServiceRequest
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

const maxAnswerBytes = 1024 * 1024
const timeoutMs = 60_000

/** One exchange; any status is an answer. Throws as `boundedFetch`. */
export async function exchange(
  request: ServiceRequest,
  { fetch, signal }: ServiceOptions & OperationOptions,
): Promise<ServiceAnswer> {
  const { method, url, json, headers } = request
  const content = json === undefined ? {} : { body: JSON.stringify(json) }
  const response = await boundedFetch({ fetch, signal })(url, {
    method,
    headers: { accept: 'application/json', ...(content.body && { 'content-type': 'application/json' }), ...headers },
    ...content,
  })
  const { status, headers: received } = response
  return { request, status, headers: received, body: new Uint8Array(await response.arrayBuffer()) }
}

/**
 * A fetch that returns when it has all of the answer. Redirects are not followed: what is sent is for one host only.
 * Throws NETWORK (also after a minute), what `fetch` throws of its own, and SIZE_LIMIT.
 */
export function boundedFetch({ fetch = globalThis.fetch, signal }: ServiceOptions & OperationOptions): Fetch {
  return async (url, init) => {
    signal?.throwIfAborted()
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(url, {
        ...init,
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      const body = response.body && (await collect(response.body, maxAnswerBytes, displayUrl(url)))
      return new Response(body && body.length > 0 ? new Uint8Array(body) : null, response)
    } catch (error) {
      signal?.throwIfAborted()
      if (TransloadError.is(error)) throw error
      const verb = init.method === 'POST' ? 'Post' : 'Get'
      const message = `${verb} "${displayUrl(url)}": ${networkProblem(error)}`
      throw new TransloadError('NETWORK', message, { cause: error, retryable: true })
    }
  }
}

/** The answer as an error. What the server says is shown without `secret`, which it may have repeated. */
export function serviceError({ request, status, body }: ServiceAnswer, secret?: string): HttpError {
  const said = serverMessage(body)
  const text = secret ? said.replaceAll(secret, '…') : said
  const message = `${request.method} ${displayUrl(request.url)}: status ${status}${text === '' ? '' : `: ${text}`}`
  return new HttpError(codeOf(status), message, { status, retryable: isWorthRetrying(status) })
}

/** Is the server only busy? */
export function isWorthRetrying(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501)
}

function codeOf(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 403) return 'DENIED'
  if (status === 429) return 'RATE_LIMITED'
  return status >= 500 ? 'UNAVAILABLE' : 'PROTOCOL'
}

/** Of Rekor and Fulcio: `{"code":…,"message":…}`. */
function serverMessage(body: Uint8Array): string {
  const text = Buffer.from(body).toString()
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown }
    if (typeof message === 'string') return displayText(message, 500)
  } catch {
    // Not JSON: shown as it is.
  }
  return displayText(text.trim(), 500)
}

/** The platform's fetch hides what went wrong below a "fetch failed". */
function networkProblem(error: unknown): string {
  const cause = error instanceof TypeError ? error.cause : undefined
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout awaiting the answer'
  return errorMessage(cause instanceof Error ? cause : error)
}
