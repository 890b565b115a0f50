import { displayText } from './display-url.ts'
import { TransloadError } from './errors.ts'

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/**
 * JSON as the field's Go tools write it: `<`, `>`, `&`, U+2028 and U+2029 escaped, members in the order given,
 * undefined members left out. What must be byte-identical with theirs goes through here.
 * `indent` is the white space of one level (skopeo: four spaces); absent: compact.
 */
export function encodeJson(value: unknown, indent?: string): string {
  try {
    return escapeJson(JSON.stringify(value, undefined, indent))
  } catch (cause) {
    // What parses may still be too deep to be written.
    if (cause instanceof RangeError) throw new TransloadError('MANIFEST_INVALID', 'JSON is nested too deep', { cause })
    throw cause
  }
}

/** JSON text with what those tools escape in strings escaped. */
export function escapeJson(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character]!)
}

/** A byte order mark stays: as in Go, what begins with one is no JSON. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parses JSON that should be an object. Throws `code` saying what `subject` was. */
export function parseJsonObject(
  bytes: Uint8Array | string,
  subject: string,
  code = 'MANIFEST_INVALID',
): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(typeof bytes === 'string' ? bytes : decoder.decode(bytes))
  } catch (cause) {
    throw new TransloadError(code, `${subject} is not valid JSON`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TransloadError(code, `${subject} is not a JSON object`)
  }
  return value as Record<string, unknown>
}

/** A value of untrusted JSON as messages show it: texts and numbers as JSON, cut; of anything else only what it is. */
export function displayJson(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : displayText(JSON.stringify(value) ?? 'undefined')
}
