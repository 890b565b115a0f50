import { displayText } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import type { Certificate } from './certificate.ts'

/** Whom a certificate has to name: all that is given. At least one name has to be given. */
export interface CertificateIdentity {
  readonly email?: string | undefined
  readonly host?: string | undefined
  /** An e-mail address or a URI. */
  readonly subject?: string | undefined
}

/** Throws SIGNATURE_INVALID. */
export function checkIdentity(certificate: Certificate, { email, host, subject }: CertificateIdentity): void {
  const { emails, hosts, uris } = certificate.names
  if (email === undefined && host === undefined && subject === undefined) {
    throw invalidSignature('no identity is asked for that a certificate could have')
  }
  if (email !== undefined && !emails.includes(email)) {
    throw invalidSignature(`Required email ${JSON.stringify(email)} not found (got ${list(emails)})`)
  }
  if (host !== undefined && !certificate.isForHost(host)) {
    const valid =
      hosts.length > 0
        ? `valid for ${hosts.map((name) => displayText(name)).join(', ')}, not ${host}`
        : `not valid for any names, but wanted to match ${host}`
    throw invalidSignature(`Unexpected subject hostname: x509: certificate is ${valid}`)
  }
  if (subject !== undefined && ![...emails, ...uris].includes(subject)) {
    throw invalidSignature(`Required identity ${JSON.stringify(subject)} not found (got ${list([...emails, ...uris])})`)
  }
}

/** The OpenID Connect issuer that Fulcio says it asked (its extensions .1.1 and .1.8). Throws SIGNATURE_INVALID. */
export function checkFulcioIssuer(certificate: Certificate, oidcIssuer: string): void {
  const issuer = readFulcioIssuer(certificate)
  if (issuer === oidcIssuer) return
  throw invalidSignature(`Unexpected Fulcio OIDC issuer ${JSON.stringify(displayText(issuer))}`)
}

/** For a person: `jo@example.com (https://issuer.example)`. */
export function describeIdentity(certificate: Certificate, oidcIssuer?: string): string {
  const { emails, uris, hosts } = certificate.names
  const names = [...emails, ...uris, ...hosts].map((name) => displayText(name)).join(', ')
  return oidcIssuer === undefined ? names : `${names} (${oidcIssuer})`
}

function readFulcioIssuer({ extensions }: Certificate): string {
  const plain = extensions.get(issuerOid)?.value.toString()
  const encoded = extensions.get(issuerV2Oid)
  if (encoded === undefined) {
    if (plain === undefined) throw invalidSignature('Fulcio certificate is missing the issuer extension')
    return plain
  }
  const [text, ...more] = encoded.content
  if (text === undefined || more.length > 0 || !text.tag.isUniversal() || text.tag.number !== utf8String) {
    throw invalidSignature('invalid ASN.1 in OIDC issuer v2 extension')
  }
  const issuer = text.value.toString()
  if (plain !== undefined && plain !== issuer) {
    const values = `v1 ${JSON.stringify(displayText(plain))}, v2 ${JSON.stringify(displayText(issuer))}`
    throw invalidSignature(`inconsistent OIDC issuer extension values: ${values}`)
  }
  return issuer
}

function list(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(displayText(name))).join(' ')}]`
}

const issuerOid = '1.3.6.1.4.1.57264.1.1'
const issuerV2Oid = '1.3.6.1.4.1.57264.1.8'
const utf8String = 0x0c
