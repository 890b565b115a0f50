/** One `WWW-Authenticate` challenge (RFC 7235). `scheme` and parameter names are in lower case. */
export interface Challenge {
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * All challenges of all header lines, in order; a line may hold several. What is malformed ends its line, and what
 * was read until there counts (registry-client.md §3).
 */
export function parseChallenges(lines: readonly string[]): Challenge[] {
  return lines.flatMap(parseLine)
}

const schemePattern = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=\s|,|$)/y
const parameterPattern = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))(?=\s|,|$)/y

function parseLine(line: string): Challenge[] {
  const challenges: Challenge[] = []
  let position = 0
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const match = pattern.exec(line)
    if (match) position = pattern.lastIndex
    return match
  }
  for (let scheme = next(schemePattern); scheme; scheme = next(schemePattern)) {
    const parameters: Record<string, string> = {}
    for (let pair = next(parameterPattern); pair; pair = next(parameterPattern)) {
      const value = pair[2] === undefined ? pair[3]! : pair[2].replace(/\\(.)/g, '$1')
      if (value === '') break
      parameters[pair[1]!.toLowerCase()] = value
    }
    challenges.push({ scheme: scheme[1]!.toLowerCase(), parameters })
  }
  return challenges
}
