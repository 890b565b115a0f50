import { displayText, errorMessage } from '@transload/contract'
import type { KeyID, PublicKey, Signature, Subkey } from 'openpgp'

import { invalidSignature } from '../invalid-signature.ts'
import { parsePayload, type Payload } from '../payload.ts'
import type { Keyring } from './keyring.ts'
import { readSignedMessage, type SignedMessage } from './signed-message.ts'
import { readVerificationConfig } from './verification-config.ts'

export interface SimpleSignature {
  readonly payload: Payload
  /** Fingerprints in upper case: of the key that signed, and of the primary key it belongs to (often the same). */
  readonly signingKey: string
  readonly primaryKey: string
}

/**
 * Proves a simple signature to be by one of the keys, valid now: neither signature nor key expired, nor the key
 * revoked or made for something else; no weak hash or key (trust.md §2). `acceptedKeys`: fingerprints, of primary or
 * signing keys; default: any of the keys. The payload is not looked at before all that holds. Throws
 * SIGNATURE_INVALID.
 */
export async function verifySimpleSignature(
  signature: Uint8Array,
  keys: Keyring,
  acceptedKeys?: readonly string[],
): Promise<SimpleSignature> {
  const message = await readSignedMessage(signature)
  const issuer = await readIssuer(message)
  const candidates = keys.filter((key) => key.getKeys(issuer).length > 0)
  if (candidates.length === 0) throw notValid(`no trusted key has the ID ${issuer.toHex().toUpperCase()}`)
  const { primary, signer } = await findSigner(message, candidates, issuer)
  const [primaryKey, signingKey] = [fingerprint(primary), fingerprint(signer)]
  if (acceptedKeys && !acceptedKeys.includes(primaryKey) && !acceptedKeys.includes(signingKey)) {
    throw invalidSignature(`signature by key ${signingKey} of ${primaryKey} is not accepted`)
  }
  return { payload: parsePayload(message.content, 'atomic container signature'), signingKey, primaryKey }
}

/** The ID of the key to check the signature with. */
async function readIssuer(message: SignedMessage): Promise<KeyID> {
  const { enums } = await import('openpgp')
  try {
    const [packet] = (await readSignature(message)).packets
    if (packet?.signatureType === enums.signature.binary) return packet.issuerKeyID
  } catch (cause) {
    throw notValid(errorMessage(cause), cause)
  }
  throw notValid('not a signature of binary content')
}

interface Signer {
  readonly primary: PublicKey
  readonly signer: PublicKey | Subkey
}

/** Two keys may have the same ID, by intent even: each is tried alone. */
async function findSigner(message: SignedMessage, candidates: Keyring, issuer: KeyID): Promise<Signer> {
  let failure: unknown
  for (const primary of candidates) {
    try {
      return { primary, signer: await checkSignature(message, primary, issuer) }
    } catch (error) {
      failure = error
    }
  }
  throw notValid(errorMessage(failure), failure)
}

/** Returns the part of the key that made the signature. Throws unless one did and is good for it now. */
async function checkSignature(signed: SignedMessage, key: PublicKey, issuer: KeyID): Promise<PublicKey | Subkey> {
  for (const part of [key, ...key.getKeys(issuer)]) checkKey(part)
  const { createMessage, verify } = await import('openpgp')
  const config = await readVerificationConfig()
  const message = await createMessage({ binary: signed.content })
  const signature = await readSignature(signed)
  const created = signature.packets[0]!.created!
  const now = new Date()
  // A clock that is behind must not make a signature of just now one of the future.
  const date = created > now ? created : now
  const result = await verify({ message, signature, verificationKeys: key, format: 'binary', date, config })
  await result.signatures[0]!.verified
  // That was about the key as it was when it signed.
  return await key.getSigningKey(issuer, now, undefined, config)
}

/** What openpgp does not check, or not well enough. */
function checkKey(key: PublicKey | Subkey): void {
  const { algorithm, bits, curve } = key.getAlgorithmInfo()
  if (curve !== undefined && unsupportedCurves.test(curve)) throw new Error(`keys on ${curve} are not supported`)
  if (bits !== undefined && bits < 2048) throw new Error(`${algorithm} keys shorter than 2048 bits are too weak`)
  // Whoever signed it: openpgp takes no notice of revocations by another key, which the owner may have named for it.
  if (key.revocationSignatures.length > 0) throw new Error('the key is revoked')
}

async function readSignature({ signaturePacket }: SignedMessage): Promise<Signature> {
  const openpgp = await import('openpgp')
  return await openpgp.readSignature({ binarySignature: signaturePacket, config: await readVerificationConfig() })
}

/** openpgp would need a further package for them, which cannot be bundled. */
const unsupportedCurves = /^brainpool|^secp256k1$/

function fingerprint(key: PublicKey | Subkey): string {
  return key.getFingerprint().toUpperCase()
}

function notValid(reason: string, cause?: unknown): Error {
  return invalidSignature(`Invalid GPG signature: ${displayText(reason, 300)}`, cause)
}
