import type { IncomingMessage, ServerResponse } from 'node:http'

import { collect } from '@transload/contract'

import { refusal } from '../refusal.ts'
import { requestBody } from '../request.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { PasswordCheck } from './htpasswd.ts'
import { parseScopes, type Scope } from './scope.ts'
import type { TokenSigner } from './token.ts'

export interface TokenEndpointOptions {
  readonly signer: TokenSigner
  readonly check: PasswordCheck
  readonly permits: (user: string | undefined, scope: Scope) => boolean
  readonly allowsAnonymous: boolean
  readonly lifetimeMs: number
}

/** Answers one request for a token. Throws refusals. */
export type TokenEndpoint = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

const refreshLifetimeMs = 30 * 24 * 60 * 60_000
const maxFormBytes = 64 * 1024

/**
 * The registry token protocol of Docker and OCI clients: GET with optional Basic credentials, and the OAuth 2 POST
 * with `grant_type` `password` or `refresh_token`. A token grants what was asked for and is permitted, which may be
 * nothing: the registry then says what was missing. Refresh tokens (identity tokens) go to who asks `offline_token`.
 */
export function tokenEndpoint(options: TokenEndpointOptions): TokenEndpoint {
  return async (request, response, url) => {
    const grant = request.method === 'POST' ? await readForm(request, options) : await readQuery(request, url, options)
    const expiresAtMs = Date.now() + options.lifetimeMs
    const user = grant.user === undefined ? {} : { user: grant.user }
    const scopes = grant.scopes.flatMap((scope) => permittedPart(scope, grant.user, options))
    const token = options.signer.sign({ kind: 'access', ...user, scopes, expiresAtMs })
    const refreshToken =
      grant.wantsRefreshToken && grant.user !== undefined
        ? options.signer.sign({ kind: 'refresh', ...user, scopes: [], expiresAtMs: Date.now() + refreshLifetimeMs })
        : undefined
    response.setHeader('content-type', 'application/json')
    response.setHeader('cache-control', 'no-store')
    response.end(
      JSON.stringify({
        token,
        access_token: token,
        expires_in: Math.ceil(options.lifetimeMs / 1000),
        issued_at: new Date().toISOString(),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      }),
    )
  }
}

interface Grant {
  readonly user: string | undefined
  readonly scopes: readonly Scope[]
  readonly wantsRefreshToken: boolean
}

async function readQuery(request: IncomingMessage, url: URL, options: TokenEndpointOptions): Promise<Grant> {
  const credentials = readBasicCredentials(request)
  if (!credentials && !options.allowsAnonymous) throw refusal('UNAUTHORIZED', 'authentication required')
  if (credentials && !(await options.check(credentials.user, credentials.password))) {
    throw refusal('UNAUTHORIZED', 'incorrect username or password')
  }
  return {
    user: credentials?.user,
    scopes: parseScopes(url.searchParams.getAll('scope')),
    wantsRefreshToken: url.searchParams.get('offline_token') === 'true',
  }
}

async function readForm(request: IncomingMessage, options: TokenEndpointOptions): Promise<Grant> {
  const body = await collect(requestBody(request), maxFormBytes, 'token request')
  const form = new URLSearchParams(Buffer.from(body).toString('utf8'))
  const user = await grantedUser(form, options)
  if (user === undefined) throw refusal('UNAUTHORIZED', 'incorrect username, password or refresh token')
  const wantsRefreshToken = form.get('grant_type') === 'password' && form.get('access_type') === 'offline'
  return { user, scopes: parseScopes(form.getAll('scope')), wantsRefreshToken }
}

async function grantedUser(form: URLSearchParams, options: TokenEndpointOptions): Promise<string | undefined> {
  switch (form.get('grant_type')) {
    case 'password': {
      const user = form.get('username') ?? ''
      return (await options.check(user, form.get('password') ?? '')) ? user : undefined
    }
    case 'refresh_token':
      return options.signer.verify(form.get('refresh_token') ?? '', 'refresh')?.user
    default:
      throw refusal('UNSUPPORTED', 'grant_type must be "password" or "refresh_token"', 400)
  }
}

/** Of a repository's scope the actions that are permitted. */
function permittedPart(scope: Scope, user: string | undefined, { permits }: TokenEndpointOptions): Scope[] {
  if (scope.type === 'registry') return permits(user, scope) ? [scope] : []
  const actions = scope.actions.filter((action) => permits(user, { ...scope, actions: [action] }))
  return actions.length === 0 ? [] : [{ ...scope, actions }]
}
