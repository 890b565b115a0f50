/**
 * A JSON object with its members in the order of their names' bytes, as Go writes maps; undefined if there are none.
 * Names that are whole numbers come first all the same: that is how JavaScript orders members.
 */
export function sortedMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = Object.entries(value)
  if (members.length === 0) return undefined
  return Object.fromEntries(members.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
}
