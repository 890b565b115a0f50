import type { RootCertificates, TlsDetails } from '../options.ts'
import type { ProxySettings } from './proxy-choice.ts'

/** A body whose bytes are made on the way; it can be sent once. */
export interface StreamBody {
  /** Bytes, if known: sent as Content-Length, and a body of another length fails. Unknown: sent chunked. */
  readonly size?: number | undefined
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface HttpRequest {
  readonly method: string
  readonly url: URL
  /** An array is sent as one header line per value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  readonly body?: Uint8Array | StreamBody | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ResponseHeaders {
  /** The first value, if there is one. Names in any case. */
  get(name: string): string | undefined
  /** One entry per header line. */
  all(name: string): readonly string[]
}

export interface HttpResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** Lazy. To be read to its end once, or discarded: until then it occupies a connection. Fails like `send`. */
  readonly body: AsyncIterable<Uint8Array>
  /** Reads a short rest, so that the connection can be used again, or drops the connection. Never throws. */
  discard(): Promise<void>
}

/**
 * HTTP/1.1, one request to one answer: keeps connections and uses them again, follows nothing, retries nothing,
 * decodes nothing, knows no registry. Any status is an answer.
 *
 * `send` rejects with `signal.reason` when aborted, with the error the request body threw, else with a
 * TransloadError: NETWORK (retryable if another try may succeed), TLS or PROTOCOL.
 * Disposing drops every connection, also those in use.
 */
export interface HttpClient extends AsyncDisposable {
  send(request: HttpRequest): Promise<HttpResponse>
  /** Requests to the origin of `url` are about to be sent: opens connections, up to `count` in all. Waits for nothing. */
  connect?(url: URL, count: number): void
}

/** PEM texts. */
export interface TlsSettings {
  /** False: any certificate is good. */
  readonly verify: boolean
  /** In addition to the roots. */
  readonly ca: readonly string[]
  /** Asked for with the first https connection: reading them can take longer than an exchange in the clear. */
  readonly roots?: (() => Promise<RootCertificates | undefined>) | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly details?: TlsDetails | undefined
}

export interface ConnectionSettings {
  readonly tls: TlsSettings
  readonly proxy: ProxySettings
}

export function isStreamBody(body: HttpRequest['body']): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array)
}
