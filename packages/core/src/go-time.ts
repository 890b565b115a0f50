/**
 * A timestamp of an image config as Go prints it: trailing zeros of the fraction trimmed, everything else as written.
 * Undefined for what Go would not have parsed (RFC 3339).
 */
export function goTimestamp(text: string): string | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (!parts) return undefined
  const [, seconds, fraction = '', zone] = parts
  const nanoseconds = fraction.slice(0, 9).replace(/0+$/, '')
  return `${seconds}${nanoseconds === '' ? '' : `.${nanoseconds}`}${zone === '+00:00' || zone === '-00:00' ? 'Z' : zone}`
}
