import { generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'

/** Whom an issuer speaks for: with an address, or as a workflow, with a URI as its subject. */
export interface User {
  readonly subject: string
  readonly email?: string
}

export interface TokenKey {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function createTokenKey(): TokenKey {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** A JSON web token (ES256), good for ten minutes. */
export function createIdentityToken(
  { subject, email }: User,
  { issuer, audience, nonce }: { readonly issuer: string; readonly audience: string; readonly nonce?: string },
  { privateKey }: TokenKey,
): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: subject,
    aud: audience,
    iat: now,
    exp: now + 600,
    ...(email === undefined ? {} : { email, email_verified: true }),
    ...(nonce === undefined ? {} : { nonce }),
  }
  const content = `${encode({ alg: 'ES256', kid: tokenKeyId, typ: 'JWT' })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

/** Throws for a token that is of no one, of another key, or too old. */
export function readIdentityToken(token: string, issuer: string, { publicKey }: TokenKey): User {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const isSigned = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned) throw new Error('There was an error processing the identity token')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    readonly iss: string
    readonly sub: string
    readonly aud: string
    readonly exp: number
    readonly email?: string
  }
  if (claims.iss !== issuer || claims.aud !== 'sigstore' || claims.exp * 1000 < Date.now()) {
    throw new Error('There was an error processing the identity token')
  }
  return { subject: claims.sub, ...(claims.email === undefined ? {} : { email: claims.email }) }
}

export const tokenKeyId = 'fake'

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
