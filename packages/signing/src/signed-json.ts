import { displayJson, duplicateKey, parseJsonObject } from '@transload/contract'

import { invalidSignature } from './invalid-signature.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** An object that no two programs can read differently: no member comes twice. Throws SIGNATURE_INVALID naming `subject`. */
export function parseSignedJson(json: Uint8Array | string, subject: string): JsonObject {
  const object = parseJsonObject(json, subject, 'SIGNATURE_INVALID')
  const duplicate = duplicateKey(typeof json === 'string' ? json : Buffer.from(json).toString())
  if (duplicate !== undefined) throw invalidSignature(`Duplicate key ${JSON.stringify(duplicate)}`)
  return object
}

/** Of an object of `subject` that has exactly these. Throws SIGNATURE_INVALID. */
export function exactMembers(value: unknown, names: readonly string[], subject: string): JsonObject {
  if (!isJsonObject(value)) throw invalidSignature(`${displayJson(value)} where ${subject} has to have an object`)
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw invalidSignature(`Unknown key ${displayJson(unknown)}`)
  const missing = names.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) throw invalidSignature(`Key ${JSON.stringify(missing)} missing in a JSON object`)
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
