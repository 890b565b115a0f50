import { createHash, randomBytes } from 'node:crypto'

import type { Request, Response } from './http.ts'
import { createIdentityToken, tokenKeyId, type TokenKey, type User } from './identity-token.ts'

export interface OidcIssuer {
  answer(request: Request, issuer: string): Promise<Response>
}

/** An OpenID Connect issuer that asks nobody: who comes is `user`. Device codes have to be confirmed at their address. */
export function createOidcIssuer(user: User, tokenKey: TokenKey): OidcIssuer {
  const codes = new Map<string, Login>()
  const devices = new Map<string, { readonly userCode: string; isConfirmed: boolean }>()
  const grantToken = (issuer: string, clientId: string, nonce: string | undefined): Response => {
    const token = createIdentityToken(
      user,
      { issuer, audience: clientId, ...(nonce === undefined ? {} : { nonce }) },
      tokenKey,
    )
    return { status: 200, body: { access_token: token, id_token: token, token_type: 'Bearer', expires_in: 600 } }
  }

  return {
    async answer({ method, url, headers, body }, issuer) {
      const form = new URLSearchParams(body)
      switch (`${method} ${url.pathname}`) {
        case 'GET /.well-known/openid-configuration':
          return { status: 200, body: discovery(issuer) }
        case 'GET /keys':
          return { status: 200, body: { keys: [{ ...tokenKey.publicKey.export({ format: 'jwk' }), ...keyUse }] } }
        case 'GET /auth':
          return authorize(url.searchParams, codes)
        case 'POST /device/code': {
          const deviceCode = randomBytes(16).toString('hex')
          const userCode = randomBytes(4).toString('hex').toUpperCase()
          devices.set(deviceCode, { userCode, isConfirmed: false })
          const address = `${issuer}/device`
          return {
            status: 200,
            body: {
              device_code: deviceCode,
              user_code: userCode,
              verification_uri: address,
              verification_uri_complete: `${address}?user_code=${userCode}`,
              expires_in: 300,
              interval: 1,
            },
          }
        }
        case 'GET /device': {
          const device = [...devices.values()].find(({ userCode }) => userCode === url.searchParams.get('user_code'))
          if (device !== undefined) device.isConfirmed = true
          return { status: device === undefined ? 404 : 200, body: 'Login successful' }
        }
        case 'POST /token': {
          const clientId = form.get('client_id') ?? basicUser(headers.authorization) ?? ''
          if (form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:device_code') {
            const device = devices.get(form.get('device_code') ?? '')
            if (device === undefined) return oauthError('invalid_grant')
            return device.isConfirmed ? grantToken(issuer, clientId, undefined) : oauthError('authorization_pending')
          }
          const login = codes.get(form.get('code') ?? '')
          codes.delete(form.get('code') ?? '')
          const isValid =
            login !== undefined &&
            login.clientId === clientId &&
            login.redirectUri === form.get('redirect_uri') &&
            login.challenge === challengeOf(form.get('code_verifier'))
          return isValid ? grantToken(issuer, clientId, login.nonce) : oauthError('invalid_grant')
        }
        default:
          return { status: 404, body: 'Not Found' }
      }
    },
  }
}

interface Login {
  readonly clientId: string
  readonly redirectUri: string
  /** PKCE, S256. */
  readonly challenge: string
  readonly nonce?: string
}

function discovery(issuer: string): unknown {
  return {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device/code`,
    jwks_uri: `${issuer}/keys`,
    grant_types_supported: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'email'],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'sub'],
  }
}

/** Logged in at once: back to who asked, or, where nobody can listen, the code to be copied. */
function authorize(query: URLSearchParams, codes: Map<string, Login>): Response {
  const redirectUri = query.get('redirect_uri') ?? ''
  if (query.get('code_challenge_method') !== 'S256') return { status: 400, body: 'PKCE is needed' }
  const code = randomBytes(16).toString('hex')
  const nonce = query.get('nonce')
  codes.set(code, {
    clientId: query.get('client_id') ?? '',
    redirectUri,
    challenge: query.get('code_challenge') ?? '',
    ...(nonce === null ? {} : { nonce }),
  })
  if (redirectUri === 'urn:ietf:wg:oauth:2.0:oob') return { status: 200, body: code }
  const location = new URL(redirectUri)
  location.searchParams.set('code', code)
  location.searchParams.set('state', query.get('state') ?? '')
  return { status: 303, headers: { location: location.href } }
}

function oauthError(error: string): Response {
  return { status: 400, body: { error } }
}

function challengeOf(verifier: string | null): string | undefined {
  return verifier === null ? undefined : createHash('sha256').update(verifier).digest('base64url')
}

function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^Basic (.+)$/.exec(authorization ?? '')?.[1]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(':')[0]
}

const keyUse = { kid: tokenKeyId, use: 'sig', alg: 'ES256' }
