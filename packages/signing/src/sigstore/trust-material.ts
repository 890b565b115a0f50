import type { KeyObject } from 'node:crypto'

import {
  displayText,
  errorMessage,
  TransloadError,
  type KeySource,
  type SigstoreSignedRequirement,
} from '@transload/contract'

import { readKeySource } from '../key-source.ts'
import type { CertificateIdentity } from './certificate-identity.ts'
import { parseCertificate, type Certificate } from './certificate.ts'
import { parsePem } from './pem.ts'
import { parsePublicKey } from './public-key.ts'

/** A requirement with everything read that it names. */
export interface TrustMaterial {
  readonly signers: SignerTrust
  /** Empty where no log entry is asked for. */
  readonly logKeys: readonly KeyObject[]
}

export type SignerTrust = { readonly kind: 'keys'; readonly keys: readonly KeyObject[] } | CertificateTrust

export interface CertificateTrust {
  readonly kind: 'certificate'
  readonly roots: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  readonly identity: CertificateIdentity
  /** Of Fulcio: its certificates live for minutes, so they count when the log got the signature. Else they count now. */
  readonly oidcIssuer?: string
}

/** Throws CONFIG_INVALID for what cannot be read, and for a requirement that asks for what nothing could meet. */
export async function readTrustMaterial({ trust, rekorKeys }: SigstoreSignedRequirement): Promise<TrustMaterial> {
  const logKeys = await readKeys(rekorKeys, 'Rekor public key')
  logKeys.forEach((key, index) => {
    if (key.asymmetricKeyType !== 'ec') throw invalid(`Rekor public key ${index + 1} is not using ECDSA`)
  })
  switch (trust.kind) {
    case 'keys': {
      const keys = await readKeys(trust.keys, 'public key')
      if (keys.length === 0) throw invalid('no public key is given')
      return { signers: { kind: 'keys', keys }, logKeys }
    }
    case 'fulcio': {
      if (logKeys.length === 0) throw invalid('Fulcio CA specified without a Rekor public key')
      const roots = await readCertificates(trust.ca, 'Fulcio CA certificates')
      const identity = { email: trust.subjectEmail, subject: trust.subject }
      return {
        signers: { kind: 'certificate', roots, intermediates: [], identity, oidcIssuer: trust.oidcIssuer },
        logKeys,
      }
    }
    case 'pki': {
      if (logKeys.length > 0) throw invalid('PKI specified with a Rekor public key')
      const roots = await readCertificates(trust.roots, 'PKI CA Roots certificates')
      const intermediates =
        trust.intermediates === undefined
          ? []
          : await readCertificates(trust.intermediates, 'trusted intermediate certificates')
      const identity = { email: trust.subjectEmail, host: trust.subjectHostname }
      return { signers: { kind: 'certificate', roots, intermediates, identity }, logKeys }
    }
    default:
      throw invalid(`unknown kind of trust ${displayText(String((trust as { kind: unknown }).kind))}`)
  }
}

async function readKeys(sources: readonly KeySource[], subject: string): Promise<readonly KeyObject[]> {
  return Promise.all(
    sources.map(async (source, index) => parsePublicKey(await readKeySource(source), `${subject} ${index + 1}`)),
  )
}

async function readCertificates(source: KeySource, subject: string): Promise<readonly Certificate[]> {
  const pem = Buffer.from(await readKeySource(source)).toString()
  try {
    const blocks = parsePem(pem).filter(({ label }) => label === 'CERTIFICATE')
    const certificates = blocks.map(({ der }) => parseCertificate(der))
    if (certificates.length > 0) return certificates
  } catch (cause) {
    throw invalid(`error loading ${subject}: ${errorMessage(cause)}`, cause)
  }
  throw invalid(`error loading ${subject}`)
}

function invalid(problem: string, cause?: unknown): TransloadError {
  return new TransloadError('CONFIG_INVALID', problem, { cause })
}
