import {
  displayJson,
  duplicateKey,
  encodeJson,
  isDigest,
  parseJsonObject,
  TransloadError,
  type Claim,
} from '@transload/contract'

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
  const json = parseJsonObject(bytes, 'the signed payload', 'SIGNATURE_INVALID')
  const duplicate = duplicateKey(Buffer.from(bytes).toString())
  if (duplicate !== undefined) throw invalid(`Duplicate key ${JSON.stringify(duplicate)}`)
  const { critical, optional } = members(json, ['critical', 'optional'])
  const { type: found, image, identity } = members(critical, ['type', 'image', 'identity'])
  if (found !== type) throw invalid(`Unrecognized signature type ${displayJson(found)}`)
  const { 'docker-manifest-digest': manifest } = members(image, ['docker-manifest-digest'])
  if (typeof manifest !== 'string' || !isDigest(manifest)) throw invalid(`invalid digest ${displayJson(manifest)}`)
  const { 'docker-reference': reference } = members(identity, ['docker-reference'])
  if (typeof reference !== 'string') throw invalid('"docker-reference" is not a string')
  return { manifest, identity: reference, ...parseOptional(optional, type) }
}

/** Cosign writes null for nothing. */
function parseOptional(value: unknown, type: PayloadType): Pick<Payload, 'creator' | 'timestamp'> {
  if (value === null && type === 'cosign container image signature') return {}
  const { creator, timestamp } = object(value)
  if (creator !== undefined && typeof creator !== 'string') throw invalid('"creator" is not a string')
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp)) throw invalid('"timestamp" is not a whole number')
  return {
    ...(creator === undefined ? {} : { creator }),
    ...(timestamp === undefined ? {} : { timestamp: timestamp as number }),
  }
}

/** Of an object that has exactly these. */
function members(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const found = object(value)
  const unknown = Object.keys(found).find((name) => !names.includes(name))
  if (unknown !== undefined) throw invalid(`Unknown key ${displayJson(unknown)}`)
  const missing = names.find((name) => !Object.hasOwn(found, name))
  if (missing !== undefined) throw invalid(`Key ${JSON.stringify(missing)} missing in a JSON object`)
  return found
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(`${displayJson(value)} where the signed payload has to have an object`)
}

function invalid(problem: string): TransloadError {
  return new TransloadError('SIGNATURE_INVALID', problem)
}
