import type { KeyObject } from 'node:crypto'

import { displayText, mediaTypes, type StoredSignature, type VerifiedClaim } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { parsePayload } from '../payload.ts'
import { certificateAnnotation, chainAnnotation, logEntryAnnotation, signatureAnnotation } from './annotations.ts'
import { decodeBase64 } from './base64.ts'
import { describeIdentity } from './certificate-identity.ts'
import { verifyLogPromise } from './log-promise.ts'
import { keyDer, keyFingerprint, signatureProblem } from './public-key.ts'
import type { TrustMaterial } from './trust-material.ts'
import { parseIntermediates, parseLeaf, verifyCertificate } from './verify-certificate.ts'

export type AttachedSignature = Extract<StoredSignature, { kind: 'sigstore' }>

/** Verifies a signature as cosign's `.sig` attachments have it (trust.md §3). Throws SIGNATURE_INVALID. */
export function verifyAttachedSignature(attached: AttachedSignature, material: TrustMaterial): VerifiedClaim {
  checkForm(attached)
  const { keys, signer } = trustedKeys(attached, material)
  const signature = decodeBase64(annotation(attached, signatureAnnotation), 'base64 decoding')
  const problems: string[] = []
  for (const key of keys) {
    const problem = signatureProblem(key, attached.payload, signature)
    if (problem === undefined) {
      const { manifest, identity } = parsePayload(attached.payload, 'cosign container image signature')
      return { manifest, identity, signer: signer ?? `sha256:${keyFingerprint(key).toString('hex')}` }
    }
    problems.push(problem)
  }
  throw invalidSignature(`cryptographic signature verification failed: ${problems.join(', ')}`)
}

function checkForm({ mediaType, payload, annotations }: AttachedSignature): void {
  if (mediaType !== mediaTypes.cosignSignature) {
    throw invalidSignature(`${displayText(mediaType)} is not the type of a sigstore signature`)
  }
  const sizes = Object.values(annotations).map((value) => value.length)
  const size = sizes.reduce((sum, length) => sum + length, payload.length)
  if (size > maxSignatureBytes) {
    throw invalidSignature(`a signature of ${size} bytes, where at most ${maxSignatureBytes} are allowed`)
  }
}

/** Those that the signature may be by; `signer` if it is a certificate that says who that is. */
function trustedKeys(
  attached: AttachedSignature,
  { signers, logKeys }: TrustMaterial,
): { readonly keys: readonly KeyObject[]; readonly signer?: string } {
  // As skopeo has it, what is missing is found in this order.
  annotation(attached, signatureAnnotation)
  if (signers.kind === 'keys') {
    return { keys: logKeys.length === 0 ? signers.keys : [loggedKey(attached, signers.keys, logKeys)] }
  }
  const promise = signers.oidcIssuer === undefined ? undefined : annotation(attached, logEntryAnnotation)
  const leaf = parseLeaf(annotation(attached, certificateAnnotation))
  const loggedAt = promise === undefined ? undefined : verifyPromise(attached, promise, leaf.der, logKeys)
  const intermediates = parseIntermediates(attached.annotations[chainAnnotation] ?? '')
  verifyCertificate(leaf, intermediates, signers, loggedAt ?? new Date())
  return { keys: [leaf.key], signer: describeIdentity(leaf, signers.oidcIssuer) }
}

/** The one of `keys` that the log has the signature with. */
function loggedKey(attached: AttachedSignature, keys: readonly KeyObject[], logKeys: readonly KeyObject[]): KeyObject {
  const promise = annotation(attached, logEntryAnnotation)
  const problems: string[] = []
  for (const key of keys) {
    try {
      verifyPromise(attached, promise, keyDer(key), logKeys)
      return key
    } catch (error) {
      problems.push((error as Error).message)
    }
  }
  throw invalidSignature(`No public key verified against the RekorSET: ${problems.join(', ')}`)
}

function verifyPromise(
  attached: AttachedSignature,
  promise: string,
  keyOrCertificate: Uint8Array,
  logKeys: readonly KeyObject[],
): Date {
  const signature = decodeBase64(annotation(attached, signatureAnnotation), 'decoding signature base64')
  return verifyLogPromise(promise, logKeys, { keyOrCertificate, signature, payload: attached.payload })
}

function annotation({ annotations }: AttachedSignature, name: string): string {
  const value = Object.hasOwn(annotations, name) ? annotations[name] : undefined
  if (value === undefined) throw invalidSignature(`missing ${name} annotation`)
  return value
}

/** What is read of a stored one at most, too. */
const maxSignatureBytes = 4 * 1024 * 1024
