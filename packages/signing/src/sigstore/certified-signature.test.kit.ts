import { createHash } from 'node:crypto'

import type { SigstoreSignedRequirement } from '@transload/contract'
import {
  createCertificateAuthority,
  createTransparencyLog,
  type CertificateAuthority,
  type LeafOptions,
  type TransparencyLog,
} from '@transload/fake-sigstore'

import { certificateAnnotation, chainAnnotation, logEntryAnnotation, signatureAnnotation } from './annotations.ts'
import { newKey, pemOf, signedBy } from './attached-signature.test.kit.ts'
import type { AttachedSignature } from './attached-signature.ts'

export const email = 'jo@example.com'
export const oidcIssuer = 'https://issuer.example'

/** Fulcio and Rekor, without their servers. */
export interface Services {
  readonly root: CertificateAuthority
  readonly authority: CertificateAuthority
  readonly log: TransparencyLog
}

export async function createServices(): Promise<Services> {
  const root = await createCertificateAuthority({ name: 'root' })
  return { root, authority: await root.createIntermediate({ name: 'intermediate' }), log: createTransparencyLog() }
}

export interface Flaws extends Partial<Services> {
  readonly leaf?: Partial<LeafOptions>
  readonly loggedAt?: Date
  /** What the log gets instead of the signature that there is. */
  readonly logged?: AttachedSignature
}

/** As skopeo and cosign sign with Fulcio and Rekor, but for what is said otherwise. */
export async function certifiedSignature(services: Services, flaws: Flaws = {}): Promise<AttachedSignature> {
  const { authority, log } = { ...services, ...flaws }
  const key = newKey()
  const leaf = await authority.issue({ publicKey: key.publicKey, emails: [email], oidcIssuer, ...flaws.leaf })
  const signature = signedBy(key)
  return {
    ...signature,
    annotations: {
      ...signature.annotations,
      [certificateAnnotation]: leaf,
      [chainAnnotation]: authority.chain.join(''),
      [logEntryAnnotation]: logPromise(log, flaws.logged ?? signature, leaf, flaws.loggedAt),
    },
  }
}

/** The annotation of a signature that is in the log, with the PEM text it is logged with. */
export function logPromise(log: TransparencyLog, signature: AttachedSignature, verifier: string, at?: Date): string {
  const { uuid } = log.add(hashedRekord(signature, verifier), at)
  const [{ body, integratedTime, logIndex, logID, verification }] = Object.values(log.entry(uuid)!) as [LogEntry]
  const Payload = { body, integratedTime, logIndex, logID }
  return JSON.stringify({ SignedEntryTimestamp: verification.signedEntryTimestamp, Payload })
}

type LogEntry = NonNullable<ReturnType<TransparencyLog['entry']>>[string]

function hashedRekord({ payload, annotations }: AttachedSignature, verifier: string): unknown {
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') } },
      signature: {
        content: annotations[signatureAnnotation],
        publicKey: { content: Buffer.from(verifier).toString('base64') },
      },
    },
  }
}

export function requireFulcio(
  { root, log }: Services,
  trust: { readonly oidcIssuer?: string; readonly subjectEmail?: string; readonly subject?: string } = {
    subjectEmail: email,
  },
): SigstoreSignedRequirement {
  return {
    type: 'sigstoreSigned',
    trust: { kind: 'fulcio', ca: pemSource(root.certificate), oidcIssuer, ...trust },
    rekorKeys: [{ data: pemOf(log.publicKey) }],
    signedIdentity: { type: 'matchRepository' },
  }
}

export function requirePki(
  { root }: Pick<Services, 'root'>,
  trust: { readonly subjectEmail?: string; readonly subjectHostname?: string } = { subjectEmail: email },
): SigstoreSignedRequirement {
  return {
    type: 'sigstoreSigned',
    trust: { kind: 'pki', roots: pemSource(root.certificate), ...trust },
    rekorKeys: [],
    signedIdentity: { type: 'matchRepository' },
  }
}

export function pemSource(pem: string): { readonly data: Uint8Array } {
  return { data: Buffer.from(pem) }
}

export function withoutAnnotation(signature: AttachedSignature, name: string): AttachedSignature {
  const { [name]: _, ...annotations } = signature.annotations
  return { ...signature, annotations }
}

export function withAnnotation(signature: AttachedSignature, name: string, value: string): AttachedSignature {
  return { ...signature, annotations: { ...signature.annotations, [name]: value } }
}
