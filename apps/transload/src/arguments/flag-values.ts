import { TransloadError } from '@transload/contract'

/*
 * Values of flags, read as Go's pflag reads them and refused in its words, which scripts match.
 * `flag` is how the flag is spelled in messages (`-a, --all`). All throw USAGE.
 */

const truths = ['1', 't', 'T', 'TRUE', 'true', 'True']
const falsehoods = ['0', 'f', 'F', 'FALSE', 'false', 'False']

export function parseBool(text: string, flag: string): boolean {
  if (truths.includes(text)) return true
  if (falsehoods.includes(text)) return false
  throw invalid(text, flag, `strconv.ParseBool: parsing ${quote(text)}: invalid syntax`)
}

/** 64-bit range; what a number cannot hold exactly is out of range for us too. */
export function parseInteger(text: string, flag: string): number {
  const value = readNumber(text.replace(/^[+-]/, ''))
  if (value === undefined) throw invalid(text, flag, `strconv.ParseInt: parsing ${quote(text)}: invalid syntax`)
  if (!Number.isSafeInteger(value)) {
    throw invalid(text, flag, `strconv.ParseInt: parsing ${quote(text)}: value out of range`)
  }
  return text.startsWith('-') ? -value : value
}

export function parseUnsigned(text: string, flag: string): number {
  const value = readNumber(text)
  if (value === undefined) throw invalid(text, flag, `strconv.ParseUint: parsing ${quote(text)}: invalid syntax`)
  if (!Number.isSafeInteger(value)) {
    throw invalid(text, flag, `strconv.ParseUint: parsing ${quote(text)}: value out of range`)
  }
  return value
}

/** Several, by comma, in decimal only. */
export function parseIntegers(text: string, flag: string): readonly number[] {
  return text.split(',').map((part) => {
    if (/^[+-]?\d+$/.test(part) && Number.isSafeInteger(Number(part))) return Number(part)
    throw invalid(text, flag, `strconv.Atoi: parsing ${quote(part)}: invalid syntax`)
  })
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds, perhaps with a fraction. */
export function parseDuration(text: string, flag: string): number {
  const unsigned = text.replace(/^[+-]/, '')
  if (unsigned === '0') return 0
  let totalMs = 0
  let rest = unsigned
  if (rest === '') throw invalid(text, flag, `time: invalid duration ${quote(text)}`)
  while (rest !== '') {
    const part = /^(?<amount>\d+\.?\d*|\.\d+)(?<unit>[^\d.]*)/.exec(rest)
    const { amount, unit } = part?.groups ?? {}
    if (part === null || amount === undefined) throw invalid(text, flag, `time: invalid duration ${quote(text)}`)
    if (!unit) throw invalid(text, flag, `time: missing unit in duration ${quote(text)}`)
    const factor = unitMs[unit]
    if (factor === undefined) {
      throw invalid(text, flag, `time: unknown unit ${quote(unit)} in duration ${quote(text)}`)
    }
    totalMs += Number(amount) * factor
    rest = rest.slice(part[0].length)
  }
  return text.startsWith('-') ? -totalMs : totalMs
}

/** One CSV record as Go's encoding/csv reads it: fields by comma, `"` quotes a field, `""` is a quote inside one. */
export function splitCsvRecord(text: string, flag: string): readonly string[] {
  if (text === '') return []
  const fields: string[] = []
  let position = 0
  for (;;) {
    if (text[position] === '"') {
      const end = closingQuote(text, position, flag)
      fields.push(text.slice(position + 1, end).replaceAll('""', '"'))
      position = end + 1
    } else {
      const comma = text.indexOf(',', position)
      const field = text.slice(position, comma < 0 ? undefined : comma)
      const bare = field.indexOf('"')
      if (bare >= 0) throw csvError(text, flag, position + bare + 1, 'bare " in non-quoted-field')
      fields.push(field)
      position += field.length
    }
    if (position >= text.length) return fields
    position += 1
  }
}

function closingQuote(text: string, start: number, flag: string): number {
  for (let position = start + 1; ; position += 2) {
    position = text.indexOf('"', position)
    if (position < 0) throw csvError(text, flag, text.length + 1, 'extraneous or missing " in quoted-field')
    const next = text[position + 1]
    if (next === undefined || next === ',') return position
    if (next !== '"') throw csvError(text, flag, position + 1, 'extraneous or missing " in quoted-field')
  }
}

function csvError(text: string, flag: string, column: number, problem: string): TransloadError {
  return invalid(text, flag, `parse error on line 1, column ${column}: ${problem}`)
}

/** An unsigned integer with an optional base prefix and `_` between digits; undefined if it is not one. */
function readNumber(text: string): number | undefined {
  const isNumber = /^(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|0|[1-9](_?\d)*)$/.test(text)
  if (!isNumber) return undefined
  const digits = text.replaceAll('_', '')
  return Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
}

function invalid(text: string, flag: string, problem: string): TransloadError {
  return new TransloadError('USAGE', `invalid argument ${quote(text)} for ${quote(flag)} flag: ${problem}`)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
