import type { OperationOptions } from '@transload/contract'

import type { Credentials } from '../options.ts'
import { removeActions } from '../registry-quirks.ts'
import { remember } from '../remember.ts'
import { SharedFlight } from '../shared-flight.ts'
import { basicAuthorization, requestBearerToken, type BearerToken, type SendTokenRequest } from './bearer-token.ts'
import type { Challenge } from './challenge.ts'

/** What a request does, as far as permissions go. */
export interface Access {
  readonly repository: string
  /** `remove`: reading and deleting, whatever the registry calls that. */
  readonly actions: 'pull' | 'pull,push' | 'remove'
  /** Another repository of the same registry that is read as well: a mount. */
  readonly alsoPull?: string | undefined
  /** A scope the registry itself asked for. */
  readonly extraScope?: string | undefined
}

export interface Authorization {
  /** Value of the `Authorization` header. */
  readonly value: string
  /** The bearer token was kept from an earlier request, so it may be refused where a new one would not. */
  readonly isKept: boolean
}

export interface AuthorizerOptions {
  readonly credentials: (repository: string | undefined, options: OperationOptions) => Promise<Credentials | undefined>
  readonly registryToken: string | undefined
  readonly requireHttps: boolean
  readonly send: SendTokenRequest
}

/** Answers the challenges of one registry. Tokens are kept by scope, and one fetch serves all who wait for it. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #credentials = new Map<string, SharedFlight<Credentials | undefined>>()
  readonly #tokens = new Map<string, { readonly flight: SharedFlight<BearerToken>; latest?: BearerToken }>()

  constructor(options: AuthorizerOptions) {
    this.#options = options
  }

  /** The first supported challenge decides; undefined: the request goes out as it is. No `access`: a login check. */
  async authorize(
    challenges: readonly Challenge[],
    access: Access | undefined,
    { signal }: OperationOptions,
  ): Promise<Authorization | undefined> {
    const challenge = challenges.find(({ scheme }) => scheme === 'basic' || scheme === 'bearer')
    if (!challenge) return undefined
    const { registryToken } = this.#options
    if (challenge.scheme === 'bearer') {
      if (registryToken !== undefined) return { value: `Bearer ${registryToken}`, isKept: false }
      return await this.#bearer(challenge, access, signal)
    }
    const credentials = await this.#credentialsFor(access?.repository, signal)
    if (!credentials || 'identityToken' in credentials) return undefined
    return { value: basicAuthorization(credentials.username, credentials.password), isKept: false }
  }

  /** A token that was refused is not used again, unless it was replaced meanwhile. */
  forget(authorization: Authorization): void {
    for (const entry of this.#tokens.values()) {
      if (entry.latest && `Bearer ${entry.latest.token}` === authorization.value) drop(entry)
    }
  }

  async #bearer(
    challenge: Challenge,
    access: Access | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const scopes = scopesOf(access, challenge)
    const key = scopes.join(' ')
    let entry = this.#tokens.get(key)
    if (!entry) {
      const flight = new SharedFlight(async (options) =>
        requestBearerToken({
          ...options,
          challenge,
          scopes,
          credentials: await this.#credentialsFor(access?.repository, options.signal),
          requireHttps: this.#options.requireHttps,
          send: this.#options.send,
        }),
      )
      entry = { flight }
      remember(this.#tokens, key, entry)
    }
    if (entry.latest && entry.latest.expiresAt <= Date.now()) drop(entry)
    const isKept = entry.latest !== undefined
    const latest = await entry.flight.wait({ signal })
    entry.latest = latest
    return { value: `Bearer ${latest.token}`, isKept }
  }

  async #credentialsFor(
    repository: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Credentials | undefined> {
    const key = repository ?? ''
    let flight = this.#credentials.get(key)
    if (!flight) {
      flight = new SharedFlight((options) => this.#options.credentials(repository, options))
      remember(this.#credentials, key, flight)
    }
    return await flight.wait({ signal })
  }
}

function drop(entry: { readonly flight: SharedFlight<BearerToken>; latest?: BearerToken }): void {
  entry.flight.forget()
  delete entry.latest
}

function scopesOf(access: Access | undefined, { parameters }: Challenge): string[] {
  if (!access) return []
  const { repository, actions, alsoPull, extraScope } = access
  return [
    `repository:${repository}:${actions === 'remove' ? removeActions(parameters['service']) : actions}`,
    ...(alsoPull === undefined ? [] : [`repository:${alsoPull}:pull`]),
    ...(extraScope === undefined ? [] : [extraScope]),
  ]
}
