import { STATUS_CODES } from 'node:http'

import {
  collect,
  displayText,
  displayUrl,
  encodeJson,
  HttpError,
  parseJsonObject,
  TransloadError,
  type Digest,
  type OperationOptions,
} from '@transload/contract'

import { createHttpClient } from '../http/client.ts'
import type { HttpClient } from '../http/http-client.ts'
import type { RegistryTransportOptions } from '../options.ts'
import type { ImageStreamServer } from './options.ts'
import type { ImageStreamReference } from './reference.ts'

const maxAnswerBytes = 4 * 1024 * 1024

export interface StreamSignature {
  readonly name: string
  readonly type: string
  readonly content: Uint8Array
}

/** The part of OpenShift's API that knows image streams and signatures. Disposing drops its connections. */
export class ImageStreams implements AsyncDisposable {
  readonly #server: ImageStreamServer
  readonly #http: HttpClient
  readonly #userAgent: string

  constructor(server: ImageStreamServer, options: RegistryTransportOptions) {
    this.#server = server
    this.#userAgent = options.userAgent ?? 'transload'
    const { ca, cert, key, insecure = false } = server
    const { rootCertificates: roots, tlsDetails: details, proxy = {} } = options
    const tls = { verify: !insecure, ca: ca === undefined ? [] : [ca], cert, key, roots, details }
    this.#http = createHttpClient({ tls, proxy })
  }

  /** The repository, without host, and tag or digest of what the tag names now. Throws MANIFEST_UNKNOWN. */
  async resolve({ namespace, stream, tag }: ImageStreamReference, options?: OperationOptions): Promise<string> {
    const path = `/oapi/v1/namespaces/${namespace}/imagestreams/${stream}`
    const { status } = await this.#request('GET', path, undefined, options)
    const tags = list((status as { readonly tags?: unknown } | undefined)?.tags)
    const items = tags.filter((entry) => entry['tag'] === tag).map((entry) => list(entry['items'])[0])
    const name = items.find(Boolean)?.['dockerImageReference']
    if (name === undefined) throw new TransloadError('MANIFEST_UNKNOWN', 'No matching tag found')
    // The host is the registry's address inside of the cluster.
    const slash = typeof name === 'string' ? name.indexOf('/') : -1
    if (slash < 0) {
      const shown = displayText(JSON.stringify(name))
      throw new TransloadError('PROTOCOL', `Invalid format of docker reference ${shown}: missing '/'`)
    }
    return (name as string).slice(slash + 1)
  }

  async readSignatures(
    { namespace, stream }: ImageStreamReference,
    image: Digest,
    options?: OperationOptions,
  ): Promise<readonly StreamSignature[]> {
    const path = `/oapi/v1/namespaces/${namespace}/imagestreamimages/${stream}@${image}`
    const answer = await this.#request('GET', path, undefined, options)
    const found = answer['image'] as { readonly signatures?: unknown } | undefined
    return list(found?.signatures).map(({ metadata, type, content }) => ({
      name: String((metadata as { readonly name?: unknown } | undefined)?.name),
      type: String(type),
      content: Buffer.from(String(content), 'base64'),
    }))
  }

  /** Adds one, under a name that no other has. */
  async addSignature({ name, type, content }: StreamSignature, options?: OperationOptions): Promise<void> {
    const body = {
      kind: 'ImageSignature',
      apiVersion: 'v1',
      metadata: { name },
      type,
      content: Buffer.from(content).toString('base64'),
    }
    await this.#request('POST', '/oapi/v1/imagesignatures', body, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]()
  }

  async #request(
    method: string,
    path: string,
    body: object | undefined,
    { signal }: OperationOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const url = new URL(path, this.#server.url)
    const what = `${method} ${displayUrl(url)}`
    const request = {
      method,
      url,
      headers: {
        Accept: 'application/json, */*',
        'User-Agent': this.#userAgent,
        ...this.#authorization(url),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: Buffer.from(encodeJson(body)) }),
      signal,
    }
    const response = await this.#http.send(request)
    const bytes = await collect(response.body, maxAnswerBytes, what)
    const { status } = response
    if (status >= 200 && status <= 206) return parseJsonObject(bytes, what, 'PROTOCOL')
    throw new HttpError(errorCode(status), errorText(status, bytes), { status, retryable: status >= 500 })
  }

  /** As with kubectl only where TLS keeps it secret. */
  #authorization({ protocol }: URL): Readonly<Record<string, string>> {
    const { token, username, password = '' } = this.#server
    if (protocol !== 'https:') return {}
    if (token) return { Authorization: `Bearer ${token}` }
    if (!username) return {}
    return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  }
}

function errorCode(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 403) return 'DENIED'
  if (status === 404) return 'MANIFEST_UNKNOWN'
  return status >= 500 ? 'UNAVAILABLE' : 'PROTOCOL'
}

/** What the server says, if it does. */
function errorText(status: number, bytes: Uint8Array): string {
  const body = Buffer.from(bytes).toString()
  try {
    const said = JSON.parse(body) as { readonly status?: unknown; readonly message?: unknown } | null
    if (said?.status && typeof said.message === 'string') return displayText(said.message)
  } catch {
    // Not from the API itself.
  }
  return `HTTP error: status code: ${status} (${STATUS_CODES[status] ?? ''}), body: ${displayText(body, 1000)}`
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : []
}
