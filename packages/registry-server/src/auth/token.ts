import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'

import type { Scope } from './scope.ts'

/** What a token states. `kind` keeps a refresh token from passing as an access token. */
export interface TokenClaims {
  readonly kind: 'access' | 'refresh'
  /** Absent: nobody in particular. */
  readonly user?: string
  readonly scopes: readonly Scope[]
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number
}

/** Signs and reads back tokens with a key of this process: a restart ends them all. */
export interface TokenSigner {
  sign(claims: TokenClaims): string
  /** The claims of a genuine token that has not expired, else undefined. */
  verify(token: string, kind: TokenClaims['kind']): TokenClaims | undefined
}

/** Tokens are compact JWS (RFC 7515) with HS256; the payload is our own. */
export function createTokenSigner(): TokenSigner {
  const key = randomBytes(32)
  const signature = (signed: string): Buffer => createHmac('sha256', key).update(signed).digest()
  return {
    sign(claims) {
      const payload = Buffer.from(JSON.stringify({ ...claims, jti: randomUUID() })).toString('base64url')
      const signed = `${header}.${payload}`
      return `${signed}.${signature(signed).toString('base64url')}`
    },
    verify(token, kind) {
      const [head, payload = '', mac = '', ...more] = token.split('.')
      if (head !== header || more.length > 0) return undefined
      const [expected, given] = [signature(`${head}.${payload}`), Buffer.from(mac, 'base64url')]
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims
      return claims.kind === kind && claims.expiresAtMs > Date.now() ? claims : undefined
    },
  }
}

const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url')
