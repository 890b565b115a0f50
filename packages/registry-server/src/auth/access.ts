import type { IncomingMessage, ServerResponse } from 'node:http'

import type { RegistryAuth } from '../options.ts'
import { refusal } from '../refusal.ts'
import { requestOrigin } from '../request.ts'
import { tokenPath } from '../route.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import { htpasswdCheck } from './htpasswd.ts'
import { covers, scopeText, type Action, type Scope } from './scope.ts'
import { tokenEndpoint, type TokenEndpoint } from './token-endpoint.ts'
import { createTokenSigner } from './token.ts'

/** Decides who may do what. */
export interface AccessControl {
  /** Answers token requests; absent without a token service. */
  readonly tokens?: TokenEndpoint
  /**
   * Throws an UNAUTHORIZED refusal, having set the challenge on `response`, for a request that has to prove who sends
   * it, and DENIED for a known user who may not. `needs` empty: any known user.
   */
  require(request: IncomingMessage, response: ServerResponse, needs: readonly Scope[]): Promise<void>
  /** Whether the same request could also do this. */
  allows(request: IncomingMessage, scope: Scope): Promise<boolean>
}

/** Who sends a request: `user` undefined is an anonymous client. */
interface Identity {
  readonly user: string | undefined
}

/** Throws CONFIG_INVALID for a faulty htpasswd text. */
export function accessControl(auth: RegistryAuth | undefined): AccessControl {
  if (!auth) return { require: async () => {}, allows: async () => true }
  return auth.scheme === 'token' ? tokenAccess(auth) : basicAccess(auth)
}

function basicAccess(auth: RegistryAuth): AccessControl {
  const check = htpasswdCheck(auth.htpasswd)
  const identify = async (request: IncomingMessage): Promise<Identity | undefined> => {
    const credentials = readBasicCredentials(request)
    if (!credentials) return { user: undefined }
    return (await check(credentials.user, credentials.password)) ? { user: credentials.user } : undefined
  }
  return {
    async require(request, response, needs) {
      const identity = await identify(request)
      if (identity && needs.length > 0 && needs.every((scope) => isPermitted(auth, identity.user, scope))) return
      if (identity?.user !== undefined && needs.length === 0) return
      if (identity?.user !== undefined) throw refusal('DENIED', 'requested access to the resource is denied')
      response.setHeader('www-authenticate', `Basic realm="transload registry", charset="UTF-8"`)
      throw refusal('UNAUTHORIZED', 'authentication required')
    },
    async allows(request, scope) {
      const identity = await identify(request)
      return identity !== undefined && isPermitted(auth, identity.user, scope)
    },
  }
}

function tokenAccess(auth: RegistryAuth): AccessControl {
  const signer = createTokenSigner()
  const grantedTo = (request: IncomingMessage): readonly Scope[] | undefined => {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1]
    return token === undefined ? undefined : signer.verify(token, 'access')?.scopes
  }
  return {
    tokens: tokenEndpoint({
      signer,
      check: htpasswdCheck(auth.htpasswd),
      permits: (user, scope) => isPermitted(auth, user, scope),
      allowsAnonymous: auth.anonymousPull ?? false,
      lifetimeMs: auth.tokenLifetimeMs ?? 5 * 60_000,
    }),
    async require(request, response, needs) {
      const granted = grantedTo(request)
      if (granted && needs.every((scope) => covers(granted, scope))) return
      const { origin, host } = requestOrigin(request)
      const error = granted
        ? ',error="insufficient_scope"'
        : request.headers.authorization === undefined
          ? ''
          : ',error="invalid_token"'
      const scope = needs.length === 0 ? '' : `,scope="${needs.map(scopeText).join(' ')}"`
      response.setHeader('www-authenticate', `Bearer realm="${origin}${tokenPath}",service="${host}"${scope}${error}`)
      throw refusal('UNAUTHORIZED', 'authentication required')
    },
    async allows(request, scope) {
      return covers(grantedTo(request) ?? [], scope)
    },
  }
}

function isPermitted(auth: RegistryAuth, user: string | undefined, scope: Scope): boolean {
  if (scope.type === 'registry') return user !== undefined || (auth.anonymousPull ?? false)
  return scope.actions.every((action: Action) => {
    if (user === undefined && !(auth.anonymousPull && action === 'pull')) return false
    return auth.permits?.(user, action, scope.name) ?? true
  })
}
