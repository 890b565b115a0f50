import { invalidSignature } from '../invalid-signature.ts'
import type { Certificate } from './certificate.ts'
import { keyWeakness } from './public-key.ts'

export interface ChainOptions {
  readonly roots: readonly Certificate[]
  /** Untrusted; in any order. */
  readonly intermediates: readonly Certificate[]
  /** When all of them have to be valid. */
  readonly at: Date
}

/**
 * Checks that `leaf` may sign code, as one of the roots says (RFC 5280; no revocation lists). Stricter than Go's
 * verification in what it refuses: a leaf that does not say what its key is for; a chain with name or policy constraints,
 * which are not understood; RSA-PSS; short keys. Throws SIGNATURE_INVALID in Go's words where it has any.
 */
export function verifyCertificateChain(leaf: Certificate, options: ChainOptions): void {
  const problem = ownProblem(leaf, options.at) ?? leafProblem(leaf)
  const outcome = problem ?? chainProblem([leaf], { ...options, checksLeft: maxSignatureChecks })
  if (outcome !== undefined) throw invalidSignature(`veryfing leaf certificate failed: x509: ${outcome}`)
}

interface Search extends ChainOptions {
  /** Counted down; what is hostile must not make us check for ever. */
  checksLeft: number
}

/** Undefined if the last of `chain`, of which each certificate is issued by the next, leads to a root. */
function chainProblem(chain: readonly Certificate[], search: Search): string | undefined {
  const issued = chain.at(-1)!
  if (search.roots.some((root) => root.der.equals(issued.der))) return undefined
  if (!strongSignatures.includes(issued.signatureAlgorithm)) {
    return `cannot verify signature: insecure or unsupported algorithm ${issued.signatureAlgorithm}`
  }
  let problem = 'certificate signed by unknown authority'
  for (const [isRoot, issuer] of candidates(search)) {
    const isInChain = chain.some((certificate) => certificate.der.equals(issuer.der))
    if (isInChain || !issuer.subject.equals(issued.issuer)) continue
    if (search.checksLeft-- === 0) return 'signature check attempts limit reached while verifying certificate chain'
    if (!issued.isSignedBy(issuer.key)) continue
    const found =
      ownProblem(issuer, search.at) ??
      issuerProblem(issuer, chain.length - 1) ??
      (isRoot ? undefined : chainProblem([...chain, issuer], search))
    if (found === undefined) return undefined
    problem = found
  }
  return problem
}

function candidates({ roots, intermediates }: ChainOptions): readonly (readonly [boolean, Certificate])[] {
  return [
    ...roots.map((root) => [true, root] as const),
    ...intermediates.map((intermediate) => [false, intermediate] as const),
  ]
}

/** What any certificate of a chain must not have. */
function ownProblem(certificate: Certificate, at: Date): string | undefined {
  const unhandled = [...certificate.extensions].find(
    ([oid, { isCritical }]) => constraints.includes(oid) || (isCritical && !understoodExtensions.includes(oid)),
  )
  if (unhandled !== undefined) return `unhandled critical extension ${unhandled[0]}`
  const expired = 'certificate has expired or is not yet valid: current time'
  // In the affirmative: of a date that is none all comparisons are false.
  if (!(at >= certificate.notBefore)) return `${expired} ${goTime(at)} is before ${goTime(certificate.notBefore)}`
  if (!(at <= certificate.notAfter)) return `${expired} ${goTime(at)} is after ${goTime(certificate.notAfter)}`
  return keyWeakness(certificate.key)
}

function leafProblem({ extendedKeyUsages = [] }: Certificate): string | undefined {
  return isForCodeSigning(extendedKeyUsages) ? undefined : 'certificate specifies an incompatible key usage'
}

/** `depth`: how many authorities there are between it and the leaf. */
function issuerProblem(issuer: Certificate, depth: number): string | undefined {
  const { isCertificateAuthority, maxPathLength = depth, extendedKeyUsages } = issuer
  if (!isCertificateAuthority) return 'certificate is not authorized to sign other certificates'
  if (depth > maxPathLength) return 'too many intermediates for path length constraint'
  if (extendedKeyUsages === undefined || isForCodeSigning(extendedKeyUsages)) return undefined
  return 'certificate specifies an incompatible key usage'
}

function isForCodeSigning(usages: readonly string[]): boolean {
  return usages.includes(codeSigning) || usages.includes(anyUsage)
}

function goTime(time: Date): string {
  if (Number.isNaN(time.getTime())) return 'of no date'
  return time.toISOString().replace(/\.\d+/, '')
}

const maxSignatureChecks = 100
const codeSigning = '1.3.6.1.5.5.7.3.3'
const anyUsage = '2.5.29.37.0'
/** Of names, policies, the mapping of policies, any policy: they narrow what a chain may say, so none is ignored. */
const constraints: readonly string[] = ['2.5.29.30', '2.5.29.36', '2.5.29.33', '2.5.29.54']
/** Key usage, alternative names, basic constraints, policies, extended key usage. */
const understoodExtensions: readonly string[] = ['2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.32', '2.5.29.37']
/** RSA PKCS #1 v1.5 and ECDSA with SHA-256, SHA-384, SHA-512; Ed25519. */
const strongSignatures: readonly string[] = [
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]
