import 'reflect-metadata'
import { generateKeyPairSync, randomBytes, webcrypto, type KeyObject } from 'node:crypto'

import * as x509 from '@peculiar/x509'
import { X509Certificate } from '@sigstore/core'

import { timestampsExtension, type CertificateLog } from './certificate-log.ts'

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])

export interface AuthorityOptions {
  readonly name?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** False: a certificate that says of itself it is none. */
  readonly isAuthority?: boolean
  readonly pathLength?: number
  /** Object identifiers; absent: nothing is said of it. */
  readonly usages?: readonly string[]
  readonly extensions?: readonly x509.Extension[]
  /** Has the certificates that the authority issues. */
  readonly log?: CertificateLog
}

export interface LeafOptions {
  readonly publicKey: KeyObject
  readonly emails?: readonly string[]
  readonly hosts?: readonly string[]
  readonly uris?: readonly string[]
  readonly oidcIssuer?: string | undefined
  /** Default: as long as Fulcio's last, ten minutes from now. */
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Object identifiers; default: code signing. Empty: the extension is left out. */
  readonly usages?: readonly string[]
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384'
  readonly extensions?: readonly x509.Extension[]
}

/** An authority on P-256. Certificates are PEM texts that end in a newline. */
export interface CertificateAuthority {
  readonly certificate: string
  /** From the authority's own certificate to the root. */
  readonly chain: readonly string[]
  issue(leaf: LeafOptions): Promise<string>
  createIntermediate(options?: AuthorityOptions): Promise<CertificateAuthority>
}

/** A root: it signs itself. */
export function createCertificateAuthority(options: AuthorityOptions = {}): Promise<CertificateAuthority> {
  return createAuthority(options, undefined)
}

export const codeSigning = '1.3.6.1.5.5.7.3.3'

/** An extension of a certificate, `value` as DER. */
export function extension(oid: string, isCritical: boolean, value: Uint8Array): x509.Extension {
  return new x509.Extension(oid, isCritical, new Uint8Array(value))
}

interface Issuer {
  readonly name: string
  readonly key: webcrypto.CryptoKey
  readonly publicKey: KeyObject
  readonly log?: CertificateLog | undefined
  readonly chain: readonly string[]
}

async function createAuthority(options: AuthorityOptions, parent: Issuer | undefined): Promise<CertificateAuthority> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = `CN=${options.name ?? `authority ${randomBytes(4).toString('hex')}`}`
  const key = await importPrivateKey(privateKey)
  const certificate = await generate({
    subject: name,
    issuer: parent ?? { name, key },
    publicKey,
    serialNumber: newSerialNumber(),
    notBefore: options.notBefore ?? new Date(Date.now() - day),
    notAfter: options.notAfter ?? new Date(Date.now() + 365 * day),
    extensions: [
      new x509.BasicConstraintsExtension(options.isAuthority ?? true, options.pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...(options.usages === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...options.usages])]),
      ...(options.extensions ?? []),
    ],
  })
  const self: Issuer = { name, key, publicKey, log: options.log, chain: [certificate, ...(parent?.chain ?? [])] }
  return {
    certificate,
    chain: self.chain,
    issue: (leaf) => issueLeaf(leaf, self),
    createIntermediate: (intermediate = {}) => createAuthority(intermediate, self),
  }
}

async function issueLeaf(leaf: LeafOptions, issuer: Issuer): Promise<string> {
  const names = [
    ...(leaf.emails ?? []).map((value) => ({ type: 'email' as const, value })),
    ...(leaf.hosts ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(leaf.uris ?? []).map((value) => ({ type: 'url' as const, value })),
  ]
  const usages = leaf.usages ?? [codeSigning]
  const certificate = {
    subject: '',
    issuer,
    publicKey: leaf.publicKey,
    serialNumber: newSerialNumber(),
    notBefore: leaf.notBefore ?? new Date(),
    notAfter: leaf.notAfter ?? new Date(Date.now() + 10 * minute),
    hash: leaf.hash ?? 'SHA-256',
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...(usages.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...usages])]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, true)]),
      ...(leaf.oidcIssuer === undefined ? [] : issuerExtensions(leaf.oidcIssuer)),
      ...(leaf.extensions ?? []),
    ],
  }
  const unlogged = await generate(certificate)
  if (issuer.log === undefined) return unlogged
  const tbsCertificate = X509Certificate.parse(unlogged).tbsCertificate.toDER()
  const issuerKey = issuer.publicKey.export({ format: 'der', type: 'spki' })
  const timestamps = extension(timestampsExtension, false, issuer.log.createTimestamps(tbsCertificate, issuerKey))
  return generate({ ...certificate, extensions: [...certificate.extensions, timestamps] })
}

/** As Fulcio writes them: the old one is bare text, the new one DER. */
function issuerExtensions(issuer: string): readonly x509.Extension[] {
  const text = Buffer.from(issuer)
  return [
    extension('1.3.6.1.4.1.57264.1.1', false, text),
    extension('1.3.6.1.4.1.57264.1.8', false, Buffer.concat([Uint8Array.of(0x0c, text.length), text])),
  ]
}

interface Certificate {
  readonly subject: string
  readonly issuer: Pick<Issuer, 'name' | 'key'>
  readonly publicKey: KeyObject
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly hash?: string
  readonly extensions: readonly x509.Extension[]
}

async function generate({
  issuer,
  publicKey,
  hash = 'SHA-256',
  extensions,
  ...validity
}: Certificate): Promise<string> {
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    issuer: issuer.name,
    publicKey: new x509.PublicKey(new Uint8Array(spki)),
    signingKey: issuer.key,
    signingAlgorithm: { name: 'ECDSA', hash },
    extensions: [...extensions],
  })
  return `${certificate.toString('pem').trimEnd()}\n`
}

function newSerialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}

async function importPrivateKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' })
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
}

const minute = 60_000
const day = 24 * 60 * minute
