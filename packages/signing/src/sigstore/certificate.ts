import { X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

import { X509Certificate as CertificateFields } from '@sigstore/core'
import { errorMessage } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { parsePem } from './pem.ts'

/** An X.509 certificate of version 3, read but not trusted. */
export interface Certificate {
  readonly der: Buffer
  readonly key: KeyObject
  /** DER. */
  readonly subject: Buffer
  readonly issuer: Buffer
  readonly notBefore: Date
  readonly notAfter: Date
  readonly signatureAlgorithm: string
  /** By object identifier; none comes twice. */
  readonly extensions: ReadonlyMap<string, Extension>
  readonly isCertificateAuthority: boolean
  /** How many authorities may come between this one and a leaf. */
  readonly maxPathLength?: number
  /** Object identifiers; absent where nothing is said of how the key may be used. */
  readonly extendedKeyUsages?: readonly string[]
  readonly names: SubjectNames
  isSignedBy(key: KeyObject): boolean
  isForHost(host: string): boolean
}

export interface Extension {
  readonly isCritical: boolean
  readonly value: Buffer
  /** The value, where it is DER. */
  readonly content: readonly DerValue[]
}

/** Whom a certificate names, in its subject alternative name. */
export interface SubjectNames {
  readonly emails: readonly string[]
  readonly hosts: readonly string[]
  readonly uris: readonly string[]
}

type DerValue = CertificateFields['root']

/** That come with a signature: a chain of more is an attack. */
export const maxCertificates = 32

/** All certificates of a PEM text that came with a signature, `maxCertificates` at most. Throws SIGNATURE_INVALID. */
export function parseCertificates(pem: string): readonly Certificate[] {
  const blocks = parsePem(pem)
  if (blocks.length > maxCertificates) {
    throw invalidSignature(`${blocks.length} certificates, where at most ${maxCertificates} are expected`)
  }
  const other = blocks.find(({ label }) => label !== 'CERTIFICATE')
  if (other !== undefined) throw invalidSignature(`${other.label} where a certificate was expected`)
  return blocks.map(({ der }) => parseCertificate(der))
}

/** Throws SIGNATURE_INVALID. */
export function parseCertificate(der: Buffer): Certificate {
  try {
    return readCertificate(new X509Certificate(der), CertificateFields.parse(Buffer.from(der)))
  } catch (cause) {
    throw invalidSignature(`malformed certificate: ${errorMessage(cause)}`, cause)
  }
}

function readCertificate(x509: X509Certificate, fields: CertificateFields): Certificate {
  if (fields.version !== 'v3') throw new Error(`its version is ${fields.version}`)
  const extensions = readExtensions(fields)
  const pathLength = fields.extBasicConstraints?.pathLenConstraint
  const usages = extensions.get(extendedKeyUsageOid)
  return {
    der: x509.raw,
    key: x509.publicKey,
    subject: fields.subject,
    issuer: fields.issuer,
    notBefore: fields.notBefore,
    notAfter: fields.notAfter,
    signatureAlgorithm: x509.signatureAlgorithmOid,
    extensions,
    isCertificateAuthority: fields.isCA,
    ...(pathLength === undefined ? {} : { maxPathLength: Number(pathLength) }),
    ...(usages === undefined ? {} : { extendedKeyUsages: usages.content[0]!.subs.map((usage) => usage.toOID()) }),
    names: readNames(extensions.get(subjectAltNameOid)),
    isSignedBy: (key) => x509.verify(key),
    isForHost: (host) => (isIP(host) === 0 ? isNamedHost(x509, host) : x509.checkIP(host) !== undefined),
  }
}

/** OpenSSL takes a name that starts with a dot for all that end so. */
function isNamedHost(x509: X509Certificate, host: string): boolean {
  return !host.startsWith('.') && x509.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
}

function readExtensions(fields: CertificateFields): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>()
  for (const { subs } of fields.extensions) {
    const oid = subs[0]!.toOID()
    if (extensions.has(oid)) throw new Error(`it has the extension ${oid} twice`)
    const { value, subs: content } = subs.at(-1)!
    extensions.set(oid, { isCritical: subs.length === 3 && subs[1]!.toBoolean(), value, content })
  }
  return extensions
}

function readNames(extension: Extension | undefined): SubjectNames {
  const all = extension?.content[0]?.subs ?? []
  const ofTag = (tag: number): readonly string[] =>
    all.filter((name) => name.tag.isContextSpecific(tag)).map(({ value }) => value.toString('latin1'))
  return { emails: ofTag(1), hosts: ofTag(2), uris: ofTag(6) }
}

const extendedKeyUsageOid = '2.5.29.37'
const subjectAltNameOid = '2.5.29.17'
