import { TransloadError } from '@transload/contract'
import { parse, TomlError } from 'smol-toml'

/**
 * Keys with whatever TOML has. The readers below take a value out by its key and throw CONFIG_INVALID, in the words of
 * the Go parser, if it is of another type; `path` is where the table is. What is absent is false or empty, a text and
 * a list of texts undefined.
 */
export type Table = Readonly<Record<string, unknown>>

/** Throws CONFIG_INVALID naming the line. */
export function parseToml(text: string): Table {
  try {
    return parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const problem = cause.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '')
    throw new TransloadError('CONFIG_INVALID', `toml: line ${cause.line}: ${problem}`, { cause })
  }
}

export function readText(table: Table, key: string, path?: string): string | undefined {
  const value = table[key]
  if (value === undefined || typeof value === 'string') return value
  throw mismatch(value, 'string', key, path)
}

export function readBoolean(table: Table, key: string, path?: string): boolean {
  const value = table[key] ?? false
  if (typeof value === 'boolean') return value
  throw mismatch(value, 'boolean', key, path)
}

export function readTexts(table: Table, key: string, path?: string): readonly string[] | undefined {
  const value = table[key]
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw mismatch(value, 'slice', key, path)
  const odd: unknown = value.find((item) => typeof item !== 'string')
  if (odd !== undefined) throw mismatch(odd, 'string', key, path)
  return value as string[]
}

export function readTable(table: Table, key: string, path?: string): Table {
  const value = table[key] ?? {}
  if (isTable(value)) return value
  throw mismatch(value, 'struct', key, path)
}

export function readTables(table: Table, key: string, path?: string): readonly Table[] {
  const value = table[key] ?? []
  if (!Array.isArray(value)) throw mismatch(value, 'slice', key, path)
  const odd: unknown = value.find((item) => !isTable(item))
  if (odd !== undefined) throw mismatch(odd, 'struct', key, path)
  return value as Table[]
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function mismatch(value: unknown, wanted: string, key: string, path: string | undefined): TransloadError {
  const name = path === undefined ? key : `${path}.${key}`
  return new TransloadError(
    'CONFIG_INVALID',
    `toml: (last key ${JSON.stringify(name)}): incompatible types: TOML value has type ${typeName(value)}; destination has type ${wanted}`,
  )
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (value instanceof Date) return 'datetime'
  if (typeof value === 'number' || typeof value === 'bigint') return Number.isInteger(value) ? 'integer' : 'float'
  return isTable(value) ? 'table' : typeof value
}
