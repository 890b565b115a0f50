import type { LogLevel } from '@transload/contract'

export type CommandLogLevel = LogLevel | 'fatal'
/** As the contract's `Log`, which it can stand for, and `fatal` for the one line that says why a command failed. */
export type CommandLog = (level: CommandLogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

export interface LogOptions {
  readonly write: (line: string) => void
  readonly isTerminal: boolean
  readonly showsDebug: boolean
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const names: Readonly<Record<CommandLogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  fatal: 'fatal',
}
const colours: Readonly<Record<CommandLogLevel, number>> = { debug: 37, info: 36, warn: 33, fatal: 31 }

/** Log lines as skopeo writes them: logfmt for machines, short and coloured for terminals. */
export function createLog({ write, isTerminal, showsDebug, now }: LogOptions): CommandLog {
  const startMs = now()
  return (level, message, fields = {}) => {
    if (level === 'debug' && !showsDebug) return
    write(
      isTerminal ? terminalLine(level, message, fields, now() - startMs) : logfmtLine(level, message, fields, now()),
    )
  }
}

function logfmtLine(
  level: CommandLogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  timeMs: number,
): string {
  const time = new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const extra = fieldEntries(fields).map(([key, value]) => ` ${key}=${quoteIfNeeded(value)}`)
  return `time="${time}" level=${names[level]} msg=${quoteIfNeeded(message)}${extra.join('')}\n`
}

function terminalLine(
  level: CommandLogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  elapsedMs: number,
): string {
  const colour = `\u001B[${colours[level]}m`
  const label = names[level].slice(0, 4).toUpperCase()
  const seconds = String(Math.floor(elapsedMs / 1000)).padStart(4, '0')
  const extra = fieldEntries(fields).map(([key, value]) => ` ${colour}${key}\u001B[0m=${quoteIfNeeded(value)}`)
  return `${colour}${label}\u001B[0m[${seconds}] ${message.padEnd(44)} ${extra.join('')}\n`
}

function fieldEntries(fields: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))])
}

function quoteIfNeeded(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : quoteGo(text)
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** Go's `%q`: what cannot be printed is escaped. */
function quoteGo(text: string): string {
  const escaped = text.replace(/["\\\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const short = shortEscapes[character]
    if (short !== undefined) return short
    const code = character.codePointAt(0)!
    if (code < 0x80) return `\\x${hex(code, 2)}`
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
  })
  return `"${escaped}"`
}

function hex(code: number, length: number): string {
  return code.toString(16).padStart(length, '0')
}
