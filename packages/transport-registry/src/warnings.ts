/** The texts of `Warning: 299 - "TEXT"` header lines, unescaped; whatever else a line holds makes it no warning. */
export function parseWarnings(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const quoted = /^299 - "((?:[^"\\\p{Cc}]|\\[^\p{Cc}])*)"$/u.exec(line)?.[1]
    return quoted === undefined ? [] : [quoted.replace(/\\(.)/g, '$1')]
  })
}
