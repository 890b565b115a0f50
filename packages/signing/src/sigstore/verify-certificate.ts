import { invalidSignature } from '../invalid-signature.ts'
import { verifyCertificateChain } from './certificate-chain.ts'
import { checkFulcioIssuer, checkIdentity } from './certificate-identity.ts'
import { parseCertificates, type Certificate } from './certificate.ts'
import type { CertificateTrust } from './trust-material.ts'

/** One certificate, of PEM text. Throws SIGNATURE_INVALID. */
export function parseLeaf(pem: string): Certificate {
  const [leaf, ...more] = parseCertificates(pem)
  if (leaf === undefined) throw invalidSignature('no certificate found in signature certificate data')
  if (more.length > 0) {
    throw invalidSignature('unexpected multiple certificates present in signature certificate data')
  }
  return leaf
}

/** Those of a chain that are worth a look: its last is the root, which a signature cannot make trusted. */
export function parseIntermediates(pem: string): readonly Certificate[] {
  return parseCertificates(pem).slice(0, -1)
}

/**
 * Checks that `leaf`, with the help of `intermediates` that came with it, is of the authority trusted and names whom it
 * has to. `at` is when the signature was made, as far as that is proven. Throws SIGNATURE_INVALID.
 */
export function verifyCertificate(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  trust: CertificateTrust,
  at: Date,
): void {
  // The order of skopeo: of several reasons scripts see the same first one.
  if (trust.oidcIssuer === undefined) checkIdentity(leaf, trust.identity)
  verifyCertificateChain(leaf, {
    roots: trust.roots,
    intermediates: [...trust.intermediates, ...intermediates],
    at,
  })
  if (trust.oidcIssuer === undefined) return
  checkFulcioIssuer(leaf, trust.oidcIssuer)
  checkIdentity(leaf, trust.identity)
}
