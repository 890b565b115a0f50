import { createPublicKey, verify, type KeyObject } from 'node:crypto'

import type { CertificateAuthority } from './certificate-authority.ts'
import type { Request, Response } from './http.ts'
import { readIdentityToken, type TokenKey, type User } from './identity-token.ts'

export interface FulcioOptions {
  readonly authority: CertificateAuthority
  readonly oidcIssuer: string
  readonly tokenKey: TokenKey
}

/** Fulcio's API: version 1 as skopeo calls it, version 2 as cosign does. Certificates name the token's user. */
export async function answerFulcio({ method, url, headers, body }: Request, options: FulcioOptions): Promise<Response> {
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
  if (method === 'POST' && url.pathname === '/api/v1/signingCert') {
    const { publicKey, signedEmailAddress } = JSON.parse(body) as {
      readonly publicKey: { readonly content: string }
      readonly signedEmailAddress: string
    }
    const key = createPublicKey({ key: Buffer.from(publicKey.content, 'base64'), format: 'der', type: 'spki' })
    const chain = await issue({ token: bearer, key, proof: signedEmailAddress }, options)
    return { status: 201, headers: { 'content-type': 'application/pem-certificate-chain' }, body: chain.join('') }
  }
  if (method === 'POST' && url.pathname === '/api/v2/signingCert') {
    const { credentials, publicKeyRequest } = JSON.parse(body) as {
      /** Absent where the token is in a header. */
      readonly credentials?: { readonly oidcIdentityToken: string }
      readonly publicKeyRequest: {
        readonly publicKey: { readonly content: string }
        readonly proofOfPossession: string
      }
    }
    const key = createPublicKey(publicKeyRequest.publicKey.content)
    const { proofOfPossession: proof } = publicKeyRequest
    const certificates = await issue({ token: credentials?.oidcIdentityToken ?? bearer, key, proof }, options)
    return { status: 200, body: { signedCertificateEmbeddedSct: { chain: { certificates } } } }
  }
  if (method === 'GET' && url.pathname === '/api/v2/trustBundle') {
    return { status: 200, body: { chains: [{ certificates: options.authority.chain }] } }
  }
  return { status: 404, body: { code: 5, message: 'Not Found' } }
}

interface SigningRequest {
  readonly token: string
  readonly key: KeyObject
  /** Base64. */
  readonly proof: string
}

/** PEM, the leaf first. */
async function issue(
  { token, key, proof }: SigningRequest,
  { authority, oidcIssuer, tokenKey }: FulcioOptions,
): Promise<readonly string[]> {
  const user = readIdentityToken(token, oidcIssuer, tokenKey)
  const { subject, email } = user
  const isProven = verify('sha256', Buffer.from(email ?? subject), key, Buffer.from(proof, 'base64'))
  if (!isProven) throw new Error('The signature supplied in the request could not be verified')
  const leaf = await authority.issue({ publicKey: key, oidcIssuer, ...namesOf(user) })
  return [leaf, ...authority.chain]
}

function namesOf({ subject, email }: User): { emails?: readonly string[]; uris?: readonly string[] } {
  return email === undefined ? { uris: [subject] } : { emails: [email] }
}
