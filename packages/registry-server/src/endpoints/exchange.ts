import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Scope } from '../auth/scope.ts'
import type { Registry } from '../registry.ts'
import type { SignatureFiles } from '../signature-files.ts'
import type { UploadSessions } from '../upload-sessions.ts'

/** One request being answered, and what it is answered from. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly registry: Registry
  readonly uploads: UploadSessions
  /** Absent: the registry keeps none. */
  readonly signatures: SignatureFiles | undefined
  /** Whether the client may also do this. */
  allows(scope: Scope): Promise<boolean>
}

/** Answers with JSON, or for HEAD with its headers. */
export function sendJson(
  { response }: Pick<Exchange, 'response'>,
  value: unknown,
  contentType = 'application/json',
): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  response.setHeader('content-type', contentType)
  response.setHeader('content-length', body.length)
  response.end(body)
}

/** Answers without a body. */
export function sendEmpty(
  { response }: Pick<Exchange, 'response'>,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  response.writeHead(status, status === 204 ? headers : { 'content-length': 0, ...headers })
  response.end()
}
