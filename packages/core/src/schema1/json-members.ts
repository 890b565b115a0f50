import { escapeJson, parseJsonObject } from '@transload/contract'

/**
 * The members of a JSON object with their values as they are written, only without white space and escaped as Go does
 * it: numbers and strings keep their spelling, inner members their order. Of a name that comes twice the last counts.
 * Throws MANIFEST_INVALID naming `subject`.
 */
export function parseMembers(text: string, subject: string): Map<string, string> {
  parseJsonObject(text, subject)
  const members = new Map<string, string>()
  let depth = 0
  let name: string | undefined
  let value = ''
  for (const [token] of text.matchAll(tokens)) {
    if (token === '}' || token === ']') depth--
    if (depth === 0 || (depth === 1 && token === ',')) {
      if (name !== undefined) members.set(name, escapeJson(value))
      name = undefined
      value = ''
    } else if (name === undefined) {
      name = JSON.parse(token) as string
    } else if (value !== '' || token !== ':') {
      value += token
    }
    if (token === '{' || token === '[') depth++
  }
  return members
}

/** Of text that is known to be JSON. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** The object again, its members in the order of their names, as Go writes a map. */
export function encodeMembers(members: ReadonlyMap<string, string>): string {
  const sorted = [...members].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return `{${sorted.map(([name, value]) => `${escapeJson(JSON.stringify(name))}:${value}`).join(',')}}`
}
