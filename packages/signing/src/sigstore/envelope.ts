import type { KeyObject } from 'node:crypto'

import type { BundleWithDsseEnvelope, TransparencyLogEntry } from '@sigstore/bundle'
import { dsse } from '@sigstore/core'
import {
  toSignedEntity,
  Verifier as LibraryVerifier,
  type SignedEntity,
  type TrustMaterial as LibraryTrust,
} from '@sigstore/verify'
import { displayText, errorMessage } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { checkLoggedKey } from './log-entry.ts'
import { keyFingerprint, signatureProblem } from './public-key.ts'

export interface EnvelopeTrust {
  readonly key: KeyObject
  /** Empty: entries are not looked at. */
  readonly logKeys: readonly KeyObject[]
  /** DER of the key or certificate: what the logs have to have the signature with. */
  readonly logged: Buffer
}

/**
 * Checks that the envelope of a bundle is signed by the key and, where there are log keys, logged as such. Throws
 * SIGNATURE_INVALID.
 */
export function verifyEnvelope(bundle: BundleWithDsseEnvelope, { key, logKeys, logged }: EnvelopeTrust): void {
  const problem = envelopeProblem(bundle, key)
  if (problem !== undefined) throw invalidSignature(`cryptographic signature verification failed: ${problem}`)
  if (logKeys.length === 0) return
  const { tlogEntries } = bundle.verificationMaterial
  if (tlogEntries.length === 0) throw invalidSignature('the bundle has no log entry')
  try {
    verifyLogEntries(bundle, key, logKeys)
  } catch (cause) {
    throw invalidSignature(`verification of the log entry failed: ${displayText(errorMessage(cause), 300)}`, cause)
  }
  for (const { canonicalizedBody } of tlogEntries) checkLoggedKey(canonicalizedBody, logged)
}

/** Undefined if it is signed. */
function envelopeProblem({ content }: BundleWithDsseEnvelope, key: KeyObject): string | undefined {
  const { payload, payloadType, signatures } = content.dsseEnvelope
  const signed = dsse.preAuthEncoding(payloadType, payload)
  const signature = signatures[0]?.sig ?? Buffer.alloc(0)
  const problem = signatureProblem(key, signed, signature)
  const hash = hashesOfCosign[key.asymmetricKeyDetails?.namedCurve ?? '']
  return problem === undefined || hash === undefined ? problem : signatureProblem(key, signed, signature, hash)
}

/** On these cosign signs with the hash as long as the curve. All others take, and cosign verifies, SHA-256. */
const hashesOfCosign: Readonly<Record<string, 'sha384' | 'sha512'>> = { secp384r1: 'sha384', secp521r1: 'sha512' }

/** That each entry is in one of the logs, and is of this envelope. Throws errors of the library. */
function verifyLogEntries(bundle: BundleWithDsseEnvelope, key: KeyObject, logKeys: readonly KeyObject[]): void {
  const { verificationMaterial: material } = bundle
  const { signature } = toSignedEntity({
    ...bundle,
    verificationMaterial: { ...material, timestampVerificationData: undefined },
  })
  // That it is signed is known; the library would only try SHA-256.
  const verifySignature = (): boolean => envelopeProblem(bundle, key) === undefined
  const entity: SignedEntity = {
    signature: Object.assign(signature, { verifySignature }),
    key: { $case: 'public-key', hint: '' },
    tlogEntries: material.tlogEntries,
    timestamps: [],
  }
  const thresholds = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 0 }
  new LibraryVerifier(libraryTrust(key, logKeys, material.tlogEntries), thresholds).verify(entity)
}

function libraryTrust(
  publicKey: KeyObject,
  logKeys: readonly KeyObject[],
  entries: readonly TransparencyLogEntry[],
): LibraryTrust {
  const always = { start: new Date(0), end: new Date(8_640_000_000_000_000) }
  // A log is trusted by its key. The library also wants to find its name, as a checkpoint has it, in its address.
  const baseURL = entries.map(({ inclusionProof }) => inclusionProof?.checkpoint?.envelope ?? '').join('')
  return {
    certificateAuthorities: [],
    timestampAuthorities: [],
    ctlogs: [],
    tlogs: logKeys.map((key) => ({ logID: keyFingerprint(key), baseURL, publicKey: key, validFor: always })),
    publicKey: () => ({ publicKey, validFor: () => true }),
  }
}
