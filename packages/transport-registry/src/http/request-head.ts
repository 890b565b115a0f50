import { displayUrl, TransloadError } from '@transload/contract'

import { isStreamBody, type HttpRequest } from './http-client.ts'

/**
 * Request line and headers as they go out, in latin1; `Host` and `Content-Length` are added.
 * Throws PROTOCOL for a method, name or value that would be read as something else.
 */
export function requestHead({ method, url, headers = {}, body }: HttpRequest): string {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`]
  for (const [name, values] of Object.entries(headers)) {
    for (const value of typeof values === 'string' ? [values] : values) lines.push(`${name}: ${value}`)
  }
  const size = isStreamBody(body) ? (body.size ?? 0) : body?.length
  if (size !== undefined) lines.push(`Content-Length: ${size}`)
  else if (method !== 'GET' && method !== 'HEAD') lines.push('Content-Length: 0')
  const bad = lines.find((line) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(line))
  if (bad !== undefined) {
    throw new TransloadError(
      'PROTOCOL',
      `${method} ${displayUrl(url)}: ${JSON.stringify(bad.split(':', 1)[0])} holds characters no header can`,
    )
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
