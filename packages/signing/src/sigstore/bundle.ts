import type { KeyObject } from 'node:crypto'

import { bundleFromJSON, isBundleWithDsseEnvelope, type Bundle, type BundleWithDsseEnvelope } from '@sigstore/bundle'
import { displayJson, displayText, errorMessage, type SignatureBundle, type VerifiedClaim } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { parseSignedJson } from '../signed-json.ts'
import { describeIdentity } from './certificate-identity.ts'
import { maxCertificates, parseCertificate, type Certificate } from './certificate.ts'
import { verifyEnvelope } from './envelope.ts'
import { keyDer, keyFingerprint } from './public-key.ts'
import { parseStatement, statementMediaType } from './statement.ts'
import type { CertificateTrust, TrustMaterial } from './trust-material.ts'
import { verifyCertificate } from './verify-certificate.ts'

/**
 * Verifies a sigstore bundle of version 0.1 to 0.3, as cosign 3 attaches it to an image: a statement (in-toto) in a DSSE
 * envelope. With log keys at least one entry is needed, and each there is has to be proven, by a promise, a place in the
 * log, or both; when a short-lived certificate counted is what the log promised. Timestamps of other authorities are
 * neither needed nor looked at: a policy cannot name any. Throws SIGNATURE_INVALID.
 */
export function verifyBundle({ bytes }: SignatureBundle, material: TrustMaterial): VerifiedClaim {
  const bundle = parseBundle(bytes)
  if (!isBundleWithDsseEnvelope(bundle)) {
    throw invalidSignature('the bundle signs a message, not a statement about an image')
  }
  const { payload, payloadType } = bundle.content.dsseEnvelope
  if (payloadType !== statementMediaType) {
    throw invalidSignature(`the bundle signs ${displayText(payloadType)}, not a statement`)
  }
  const signer = provenSigner(bundle, material)
  return { ...parseStatement(payload), signer }
}

/** As of the other signatures. */
const maxBundleBytes = 4 * 1024 * 1024
const bundleTypes: readonly string[] = [
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
]

function parseBundle(bytes: Uint8Array): Bundle {
  if (bytes.length > maxBundleBytes) {
    throw invalidSignature(`a bundle of ${bytes.length} bytes, where at most ${maxBundleBytes} are allowed`)
  }
  const json = parseSignedJson(bytes, 'the bundle')
  if (!bundleTypes.includes(json['mediaType'] as string)) {
    throw invalidSignature(`unknown type of bundle ${displayJson(json['mediaType'])}`)
  }
  return refusing('not a sigstore bundle', () => bundleFromJSON(json))
}

/** Whose signature it is, by a trusted key or certificate. */
function provenSigner(bundle: BundleWithDsseEnvelope, { signers, logKeys }: TrustMaterial): string {
  if (signers.kind === 'certificate') return provenCertificate(bundle, signers, logKeys)
  const problems: string[] = []
  for (const key of signers.keys) {
    try {
      verifyEnvelope(bundle, { key, logKeys, logged: keyDer(key) })
      return `sha256:${keyFingerprint(key).toString('hex')}`
    } catch (error) {
      problems.push(errorMessage(error))
    }
  }
  throw invalidSignature(problems.join(', '))
}

function provenCertificate(
  bundle: BundleWithDsseEnvelope,
  trust: CertificateTrust,
  logKeys: readonly KeyObject[],
): string {
  const [leaf, ...intermediates] = certificatesOf(bundle)
  if (leaf === undefined) throw invalidSignature('the bundle has no certificate')
  verifyEnvelope(bundle, { key: leaf.key, logKeys, logged: leaf.der })
  const times = trust.oidcIssuer === undefined ? [new Date()] : promisedTimes(bundle)
  if (times.length === 0) throw invalidSignature('no log promised when the signature was made')
  for (const at of times) verifyCertificate(leaf, intermediates, trust, at)
  return describeIdentity(leaf, trust.oidcIssuer)
}

function certificatesOf({ verificationMaterial: { content } }: Bundle): readonly Certificate[] {
  const found =
    content.$case === 'certificate'
      ? [content.certificate]
      : content.$case === 'x509CertificateChain'
        ? content.x509CertificateChain.certificates.slice(0, maxCertificates)
        : []
  return found.map(({ rawBytes }) => parseCertificate(Buffer.from(rawBytes)))
}

/** Of a bundle that is verified: places in the log say nothing of when. */
function promisedTimes({ verificationMaterial: { tlogEntries } }: Bundle): readonly Date[] {
  return tlogEntries
    .filter(({ inclusionPromise }) => inclusionPromise !== undefined)
    .map(({ integratedTime }) => new Date(Number(integratedTime) * 1000))
}

/** What the libraries throw is what is wrong with the signature. */
function refusing<T>(problem: string, attempt: () => T): T {
  try {
    return attempt()
  } catch (cause) {
    throw invalidSignature(`${problem}: ${displayText(errorMessage(cause), 300)}`, cause)
  }
}
