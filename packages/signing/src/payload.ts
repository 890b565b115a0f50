import { displayJson, encodeJson, isDigest, type Claim } from '@transload/contract'

import { invalidSignature } from './invalid-signature.ts'
import { exactMembers, isJsonObject, parseSignedJson } from './signed-json.ts'

/** What OpenPGP ("atomic container signature") and cosign sign: which manifest, and as what (trust.md §2, §3). */
export interface Payload extends Required<Claim> {
  /** Neither is proven by the signature: they are what the signing program said of itself. */
  readonly creator?: string
  /** Seconds since 1970. */
  readonly timestamp?: number
}

export type PayloadType = 'atomic container signature' | 'cosign container image signature'

/** The JSON to be signed. `identity` as given: that it is canonical is the caller's. */
export function encodePayload({ manifest, identity, creator, timestamp }: Payload, type: PayloadType): Uint8Array {
  const critical = {
    identity: { 'docker-reference': identity },
    image: { 'docker-manifest-digest': manifest },
    type,
  }
  return Buffer.from(encodeJson({ critical, optional: { creator, timestamp } }))
}

/**
 * Only exactly what the format says is accepted: no member more or less, nor twice, in what has been signed.
 * Throws SIGNATURE_INVALID.
 */
export function parsePayload(bytes: Uint8Array, type: PayloadType): Payload {
  const json = parseSignedJson(bytes, subject)
  const { critical, optional } = exactMembers(json, ['critical', 'optional'], subject)
  const { type: found, image, identity } = exactMembers(critical, ['type', 'image', 'identity'], subject)
  if (found !== type) throw invalidSignature(`Unrecognized signature type ${displayJson(found)}`)
  const { 'docker-manifest-digest': manifest } = exactMembers(image, ['docker-manifest-digest'], subject)
  if (typeof manifest !== 'string' || !isDigest(manifest)) {
    throw invalidSignature(`invalid digest ${displayJson(manifest)}`)
  }
  const { 'docker-reference': reference } = exactMembers(identity, ['docker-reference'], subject)
  if (typeof reference !== 'string') throw invalidSignature('"docker-reference" is not a string')
  return { manifest, identity: reference, ...parseOptional(optional, type) }
}

/** Cosign writes null for nothing. */
function parseOptional(value: unknown, type: PayloadType): Pick<Payload, 'creator' | 'timestamp'> {
  if (value === null && type === 'cosign container image signature') return {}
  if (!isJsonObject(value)) throw invalidSignature(`${displayJson(value)} where ${subject} has to have an object`)
  const { creator, timestamp } = value
  if (creator !== undefined && typeof creator !== 'string') throw invalidSignature('"creator" is not a string')
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp)) {
    throw invalidSignature('"timestamp" is not a whole number')
  }
  return {
    ...(creator === undefined ? {} : { creator }),
    ...(timestamp === undefined ? {} : { timestamp: timestamp as number }),
  }
}

const subject = 'the signed payload'
