import type { IncomingMessage } from 'node:http'

export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

/**
 * Credentials of an `Authorization: Basic` header. Undefined when there are none, which an empty user with an empty
 * password means too: clients without credentials answer a Basic challenge so.
 */
export function readBasicCredentials(request: IncomingMessage): BasicCredentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 || text === ':' ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
