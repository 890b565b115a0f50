import { displayUrl, TransloadError } from '@transload/contract'

import { isStreamBody, type HttpClient, type HttpRequest, type HttpResponse } from './http-client.ts'

const maxRedirects = 10

export interface RedirectRules {
  /**
   * May an https request end at an http URL? Only where the answer is checked against a digest, or where the user
   * waived security.
   */
  readonly downgrade: boolean
}

/** `own` may show a client certificate, which is for one service; `others` shows none. */
export interface ServiceClients {
  readonly own: HttpClient
  readonly others: HttpClient
}

/** The answer, and the URL that gave it in the end: relative links in it are relative to that. */
export interface FollowedResponse extends HttpResponse {
  readonly url: URL
}

/**
 * Sends with `own`, and follows redirects, to another service with `others`. `Authorization` goes only to the host it is
 * for, and never from https to http.
 * A redirect of a request with a stream as its body, or with any body to another host, is handed back as it is.
 * Throws PROTOCOL after ten redirects or for one that must not be followed.
 */
export async function sendFollowing(
  { own, others }: ServiceClients,
  request: HttpRequest,
  rules: RedirectRules,
): Promise<FollowedResponse> {
  let current = request
  for (let count = 0; ; count++) {
    const response = await (isSameService(request.url, current.url) ? own : others).send(current)
    const next = redirected(current, response)
    if (!next) {
      const { status, headers, body } = response
      return { status, headers, body, discard: () => response.discard(), url: current.url }
    }
    await response.discard()
    if (count === maxRedirects) throw refused(request, `stopped after ${maxRedirects} redirects`)
    if (!/^https?:$/.test(next.url.protocol)) throw refused(request, `redirect to ${next.url.protocol} refused`)
    if (isDowngrade(current.url, next.url) && !rules.downgrade) {
      throw refused(request, `redirect from https to ${displayUrl(next.url)} refused`)
    }
    current = next
  }
}

/** May what is meant for `origin` (credentials) also be sent to `url`? */
export function isSameService(origin: URL, url: URL): boolean {
  if (origin.host === url.host && origin.protocol === url.protocol) return true
  return origin.hostname === url.hostname && origin.protocol === 'http:' && url.protocol === 'https:'
}

function redirected(request: HttpRequest, response: HttpResponse): HttpRequest | undefined {
  const location = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.get('location') : undefined
  const url = location === undefined ? null : URL.parse(location, request.url.href)
  if (!url || isStreamBody(request.body)) return undefined
  const safe = request.method === 'GET' || request.method === 'HEAD'
  // A body may hold a secret, and is for the host it was made for.
  if (request.body && !isSameService(request.url, url)) return undefined
  // 301 to 303 would turn a write into a GET; no registry means that.
  if (!safe && response.status < 307) return undefined
  return { ...request, url, headers: headersFor(request, url) }
}

function headersFor(request: HttpRequest, url: URL): HttpRequest['headers'] {
  if (isSameService(request.url, url)) return request.headers
  return Object.fromEntries(
    Object.entries(request.headers ?? {}).filter(([name]) => name.toLowerCase() !== 'authorization'),
  )
}

function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === 'https:' && to.protocol === 'http:'
}

function refused({ method, url }: HttpRequest, problem: string): TransloadError {
  return new TransloadError('PROTOCOL', `${method} ${displayUrl(url)}: ${problem}`)
}
