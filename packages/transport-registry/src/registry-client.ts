import { displayUrl, HttpError, type Digest, type Log, type OperationOptions } from '@transload/contract'

import { Authorizer, type Access, type Authorization } from './auth/authorizer.ts'
import { parseChallenges, type Challenge } from './auth/challenge.ts'
import { createHttpClient } from './http/client.ts'
import { isStreamBody, type HttpRequest } from './http/http-client.ts'
import { isSameService, sendFollowing, type FollowedResponse, type ServiceClients } from './http/redirects.ts'
import type { RegistryTransportOptions } from './options.ts'
import { pingRegistry, type Service } from './ping.ts'
import { quirksOf, type HostQuirks } from './registry-quirks.ts'
import { remember } from './remember.ts'
import { resolveRetryRules, sendWithRetries, type RetryRules } from './retry.ts'
import { SharedFlight } from './shared-flight.ts'
import { Turns } from './turns.ts'
import { parseWarnings } from './warnings.ts'

export interface ApiRequest extends OperationOptions {
  readonly method: string
  /** A path of the API (`/v2/…`), or a URL the registry gave. */
  readonly target: string | URL
  /** Absent: no repository is touched. */
  readonly access?: Access | undefined
  readonly headers?: HttpRequest['headers']
  readonly body?: HttpRequest['body']
  /** The answer will be checked against a digest, so it may come from anywhere, even over plain http. */
  readonly isVerified?: boolean
  readonly log: Log
}

interface ExchangeOptions {
  readonly log: Log
  /** May https lead to http? */
  readonly downgrade: boolean
  readonly isGuess?: boolean
  /** The URL is somebody else's: no client certificate is shown. */
  readonly isElsewhere?: boolean
}

const maxRememberedBlobs = 10_000
/** As many as the layers that move at once by default: they will be used. */
const preparedConnections = 6
/** What servers allow when nobody told them otherwise (nginx); nobody allows less. */
const leastBodyBytes = 1024 * 1024
const mostLearnedBodyBytes = 64 * 1024 * 1024

/**
 * One registry, as one transport sees it: shared by all its sources and destinations, so that the ping, tokens,
 * connections and the knowledge of what is already there are too.
 */
export class RegistryClient implements AsyncDisposable {
  /** As in the reference. */
  readonly host: string
  readonly retryRules: RetryRules
  readonly quirks: HostQuirks
  /** For what must not be done twice at once. */
  readonly turns = new Turns()
  /** Downloads of blobs, or of parts of them, that are under way. */
  openReads = 0
  /** Until that failed. */
  mayReadInRanges = true
  readonly #options: RegistryTransportOptions
  readonly #service: SharedFlight<Service>
  readonly #presentBlobs = new Map<string, true>()
  readonly #warnings = new Set<string>()
  readonly #background = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #http: Promise<ServiceClients> | undefined
  #authorizer: Authorizer | undefined
  /** Challenges of a registry that only asks for credentials when a repository is touched. */
  #lateChallenges: readonly Challenge[] | undefined
  #pingLog: Log = () => undefined
  #maxBodyBytes = Number.POSITIVE_INFINITY

  constructor(host: string, options: RegistryTransportOptions) {
    this.host = host
    this.#options = options
    this.retryRules = resolveRetryRules(options.retry)
    this.quirks = quirksOf(host)
    this.#service = new SharedFlight((flight) => this.#ping(flight.signal))
  }

  /** Pings, and opens connections for so many blobs. Failures are left for the first request to find. */
  prepare(blobs: number, { log, signal: given }: OperationOptions & { readonly log: Log }): void {
    const { signal: closing } = this.#closing
    const signal = given ? AbortSignal.any([given, closing]) : closing
    const work = async (): Promise<void> => {
      this.#pingLog = log
      const { base } = await this.#service.wait({ signal })
      const http = await this.#http
      http?.own.connect?.(base, Math.min(blobs, preparedConnections))
    }
    this.runInBackground(work().catch(() => undefined))
  }

  /**
   * The answer, whatever its status, after retries, redirects and authentication. Credentials go to this registry only,
   * whatever host a URL or a redirect names. Throws as HttpClient does, and UNAUTHENTICATED when no token is to be had.
   */
  async request(request: ApiRequest): Promise<FollowedResponse> {
    const { method, access, body, log, signal } = request
    this.#pingLog = log
    const service = await this.#service.wait({ signal })
    const url = this.#urlOf(request.target, service.base)
    const isOurs = isSameService(service.base, url)
    const challenges = this.#lateChallenges ?? service.challenges
    const authorizer = this.#authorizerFor(service.base)
    const send = (authorization: Authorization | undefined): Promise<FollowedResponse> =>
      this.#exchange(
        {
          method,
          url,
          headers: {
            'User-Agent': this.#userAgent,
            ...(isOurs ? { 'Docker-Distribution-API-Version': 'registry/2.0' } : {}),
            ...request.headers,
            ...(authorization ? { Authorization: authorization.value } : {}),
          },
          body,
          signal,
        },
        { log, downgrade: request.isVerified === true || this.#isInsecure, isElsewhere: !isOurs },
      )
    const authorization = isOurs ? await authorizer.authorize(challenges, access, { signal }) : undefined
    const response = await send(authorization)
    this.#reportWarnings(response, log)
    if (response.status !== 401 || !isOurs || !isSameService(service.base, response.url)) return response

    const renewed = this.#afterRefusal(response, service, access, authorization)
    if (!renewed) return response
    if (isStreamBody(body)) {
      await response.discard()
      throw new HttpError('UNAUTHENTICATED', `${method} ${displayUrl(url)}: the registry refused the token`, {
        status: 401,
        // With a new token, and from the beginning, it may well succeed.
        retryable: true,
      })
    }
    const second = await authorizer.authorize(renewed.challenges, renewed.access, { signal })
    if (!second || second.value === authorization?.value) return response
    await response.discard()
    return await send(second)
  }

  /** Does the registry say it keeps signatures (trust.md §4.3)? */
  async keepsSignatures({ log, signal }: OperationOptions & { readonly log: Log }): Promise<boolean> {
    this.#pingLog = log
    return (await this.#service.wait({ signal })).keepsSignatures
  }

  /** A URL outside of the registry, such as a layer's own: no authentication, nothing of the registry. */
  async fetchForeign(
    url: URL,
    { isVerified = false, log, signal }: Pick<ApiRequest, 'isVerified' | 'log' | 'signal'>,
  ): Promise<FollowedResponse> {
    const headers = { 'User-Agent': this.#userAgent, 'Accept-Encoding': 'identity' }
    return await this.#exchange(
      { method: 'GET', url, headers, signal },
      { log, downgrade: isVerified || this.#isInsecure, isElsewhere: url.host !== this.host },
    )
  }

  /** Longest body of a request, in bytes, as far as refusals have shown. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes
  }

  /** A body of so many bytes, or of no more than so many, was refused for it (413). */
  lowerMaxBodyBytes(refusedBytes: number): void {
    // Otherwise another upload was refused at the same time, and that has been taken into account.
    if (refusedBytes > this.#maxBodyBytes) return
    this.#maxBodyBytes = Math.max(leastBodyBytes, Math.min(Math.floor(refusedBytes / 4), mostLearnedBodyBytes))
  }

  /** Is the blob known to be in the repository, because it was seen or put there? */
  knowsBlob(repository: string, digest: Digest): boolean {
    return this.#presentBlobs.has(`${repository}@${digest}`)
  }

  rememberBlob(repository: string, digest: Digest): void {
    remember(this.#presentBlobs, `${repository}@${digest}`, true, maxRememberedBlobs)
  }

  /** Work nobody waits for, such as cancelling an upload; disposing waits for it. It must not reject. */
  runInBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#background.delete(tracked))
    this.#background.add(tracked)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the client was closed'))
    await Promise.all(this.#background)
    const http = await this.#http?.catch(() => undefined)
    this.#http = undefined
    this.#service.forget()
    await Promise.all([http?.own[Symbol.asyncDispose](), http?.others[Symbol.asyncDispose]()])
  }

  get #isInsecure(): boolean {
    return this.#options.verifyTls === false
  }

  get #userAgent(): string {
    return this.#options.userAgent ?? 'transload'
  }

  async #ping(signal: AbortSignal): Promise<Service> {
    const log = this.#pingLog
    const headers = { 'User-Agent': this.#userAgent, 'Docker-Distribution-API-Version': 'registry/2.0' }
    return await pingRegistry({
      address: this.quirks.address ?? this.host,
      allowHttp: this.#isInsecure,
      get: async (url, { isGuess, signal: attemptSignal }) => {
        const request = { method: 'GET', url, headers, signal: attemptSignal }
        const response = await this.#exchange(request, { log, downgrade: this.#isInsecure, isGuess })
        this.#reportWarnings(response, log)
        return response
      },
      signal,
    })
  }

  async #exchange(
    request: HttpRequest,
    { log, downgrade, isGuess = false, isElsewhere = false }: ExchangeOptions,
  ): Promise<FollowedResponse> {
    const { method, url, body, signal } = request
    this.#http ??= this.#openHttp()
    const { own, others } = await this.#http
    const clients = { own: isElsewhere ? others : own, others }
    const what = `${method} ${displayUrl(url)}`
    return await sendWithRetries(
      {
        what,
        send: async () => {
          const response = await sendFollowing(clients, request, { downgrade })
          const from = response.url.host === url.host ? '' : ` from ${response.url.host}`
          log('debug', `${what}: ${response.status}${from}`)
          return response
        },
        isRepeatable: !isStreamBody(body),
        isGuess,
        log,
        signal,
      },
      this.retryRules,
    )
  }

  async #openHttp(): Promise<ServiceClients> {
    const { certificates, rootCertificates: roots, tlsDetails: details, proxy = {} } = this.#options
    try {
      const { ca = [], cert, key } = (await certificates?.(this.host)) ?? {}
      const tls = { verify: !this.#isInsecure, ca, roots, details }
      const others = createHttpClient({ tls, proxy })
      return { own: cert === undefined ? others : createHttpClient({ tls: { ...tls, cert, key }, proxy }), others }
    } catch (error) {
      this.#http = undefined
      throw error
    }
  }

  #authorizerFor(base: URL): Authorizer {
    const { credentials, registryToken } = this.#options
    this.#authorizer ??= new Authorizer({
      credentials: async (repository, options) =>
        credentials?.({ host: this.host, ...(repository === undefined ? {} : { repository }) }, options),
      registryToken,
      requireHttps: base.protocol === 'https:' && !this.#isInsecure,
      send: (request) =>
        this.#exchange(
          { ...request, headers: { 'User-Agent': this.#userAgent, ...request.headers } },
          { log: this.#pingLog, downgrade: this.#isInsecure },
        ),
    })
    return this.#authorizer
  }

  /** What to try after a 401: a new token, a wider scope, or the challenges the ping did not give. */
  #afterRefusal(
    response: FollowedResponse,
    service: Service,
    access: Access | undefined,
    used: Authorization | undefined,
  ): { readonly challenges: readonly Challenge[]; readonly access: Access | undefined } | undefined {
    const challenges = parseChallenges(response.headers.all('www-authenticate'))
    const asked = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters
    if (asked?.['error'] === 'insufficient_scope' && access && /^[^:\s]+:[^:\s]+:[^:\s]+$/.test(asked['scope'] ?? '')) {
      return { challenges: service.challenges, access: { ...access, extraScope: asked['scope'] } }
    }
    if (!used && service.challenges.length === 0 && challenges.length > 0) {
      this.#lateChallenges = challenges
      return { challenges, access }
    }
    if (!used?.isKept) return undefined
    this.#authorizer?.forget(used)
    return { challenges: this.#lateChallenges ?? service.challenges, access }
  }

  /** Behind a proxy that speaks TLS for it, a registry may take itself for plain http: its https side is meant. */
  #urlOf(target: string | URL, base: URL): URL {
    if (typeof target === 'string') return new URL(target, base)
    if (base.protocol !== 'https:' || target.protocol !== 'http:' || target.hostname !== base.hostname) return target
    return new URL(`${target.pathname}${target.search}`, base)
  }

  #reportWarnings({ headers, url }: FollowedResponse, log: Log): void {
    for (const text of parseWarnings(headers.all('warning'))) {
      if (this.#warnings.has(text) || this.#warnings.size >= 100) continue
      this.#warnings.add(text)
      log(
        'warn',
        `Warning from registry (first encountered at ${JSON.stringify(displayUrl(url))}): ${JSON.stringify(text)}`,
      )
    }
  }
}
