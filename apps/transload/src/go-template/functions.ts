import { TransloadError } from '@transload/contract'

import { runes, toBytes } from './byte-text.ts'
import { index, length, slice } from './collections.ts'
import { equalsAny, isLess } from './comparison.ts'
import { plainDirective } from './directive.ts'
import { escapeHtml, escapeJs, escapeQuery } from './escaping.ts'
import { formatAll, formatValue, printable } from './format-value.ts'
import { jsonText } from './json-text.ts'
import { printf } from './printf.ts'
import {
  anyType,
  goBool,
  goInt,
  goSlice,
  goString,
  intType,
  isTrue,
  stringsType,
  stringType,
  withoutInterface,
  type GoFunction,
  type GoType,
  type GoValue,
} from './value.ts'

/** More is refused: a template has no use for it, and memory has an end. */
const maxParts = 1_000_000
export const maxBytes = 16 * 1024 * 1024

/**
 * Go's own and those of `inspect --format`. `and`, `or` and `call` are here for what they take: what they give depends on
 * how their arguments are written, which evaluator.ts knows.
 */
export const functions: ReadonlyMap<string, GoFunction> = new Map<string, GoFunction>([
  ['and', variadic(1, () => undefined)],
  ['or', variadic(1, () => undefined)],
  ['not', fixed([anyType], ([value]) => goBool(!isTrue(withoutInterface(value))))],
  ['call', variadic(1, () => undefined)],
  ['html', variadic(0, (args) => goString(escapeHtml(joined(args))))],
  ['js', variadic(0, (args) => goString(escapeJs(joined(args))))],
  ['urlquery', variadic(0, (args) => goString(escapeQuery(joined(args))))],
  ['index', variadic(1, index)],
  ['slice', variadic(1, slice)],
  ['len', fixed([anyType], (args) => goInt(length(args)))],
  ['print', variadic(0, (args) => goString(formatAll(args)))],
  ['println', variadic(0, (args) => goString(`${args.map((arg) => formatValue(arg, plainDirective)).join(' ')}\n`))],
  [
    'printf',
    { parameters: [stringType], variadic: anyType, call: ([format, ...args]) => goString(printf(text(format), args)) },
  ],
  ['eq', variadic(1, ([first, ...others]) => goBool(equalsAny(first, others)))],
  ['ne', fixed([anyType, anyType], ([a, b]) => goBool(!equalsAny(a, [b])))],
  ['lt', fixed([anyType, anyType], ([a, b]) => goBool(isLess(a, b)))],
  ['le', fixed([anyType, anyType], ([a, b]) => goBool(isLess(a, b) || equalsAny(a, [b])))],
  ['gt', fixed([anyType, anyType], ([a, b]) => goBool(!isLess(a, b) && !equalsAny(a, [b])))],
  ['ge', fixed([anyType, anyType], ([a, b]) => goBool(!isLess(a, b)))],
  ['join', fixed([stringsType, stringType], ([list, separator]) => goString(texts(list).join(text(separator))))],
  ['json', fixed([anyType], ([value]) => goString(jsonText(value)))],
  ['lower', fixed([stringType], ([value]) => goString(mapped(text(value), (letter) => letter.toLowerCase())))],
  [
    'pad',
    fixed([stringType, intType, intType], ([value, before, after]) => goString(padded(text(value), before, after))),
  ],
  ['split', fixed([stringType, stringType], ([value, separator]) => splitText(text(value), text(separator)))],
  ['title', fixed([stringType], ([value]) => goString(titleText(text(value))))],
  ['truncate', fixed([stringType, intType], ([value, bytes]) => goString(truncated(text(value), count(bytes))))],
  ['upper', fixed([stringType], ([value]) => goString(mapped(text(value), (letter) => letter.toUpperCase())))],
])

function fixed(parameters: readonly GoType[], call: GoFunction['call']): GoFunction {
  return { parameters, call }
}

/** Of `least` or more arguments of any type. */
function variadic(least: number, call: GoFunction['call']): GoFunction {
  return { parameters: Array.from({ length: least }, () => anyType), variadic: anyType, call }
}

function joined(args: readonly (GoValue | undefined)[]): string {
  return formatAll(args.map((arg) => printable(withoutInterface(arg))))
}

function padded(value: string, before: GoValue | undefined, after: GoValue | undefined): string {
  if (value === '') return ''
  return spaces(count(before)) + value + spaces(count(after))
}

function spaces(number: number): string {
  if (number < 0) throw new TransloadError('USAGE', 'strings: negative Repeat count')
  if (number > maxBytes) throw new TransloadError('USAGE', 'strings: Repeat output length overflow')
  return ' '.repeat(number)
}

/** Like Go, in bytes. */
function truncated(value: string, bytes: number): string {
  if (bytes < 0) throw new TransloadError('USAGE', `runtime error: slice bounds out of range [:${bytes}]`)
  return value.slice(0, bytes)
}

function splitText(value: string, separator: string): GoValue {
  const parts =
    separator === ''
      ? Array.from(runes(value), ({ position, width }) => value.slice(position, position + width))
      : value.split(separator)
  if (parts.length > maxParts) throw new TransloadError('USAGE', `more than ${maxParts} parts`)
  return goSlice(
    parts.map((part) => goString(part)),
    stringsType,
  )
}

/** The first letter of each word in upper case. */
function titleText(value: string): string {
  let previous = ' '
  return mapped(value, (character) => {
    const isFirst = isSeparator(previous)
    previous = character
    return isFirst ? character.toUpperCase() : character
  })
}

/** Character by character; what would become several stays as it is. */
function mapped(value: string, map: (character: string) => string): string {
  let result = ''
  for (const { character } of runes(value)) {
    const changed = map(character)
    result += changed.length > character.length ? character : changed
  }
  return toBytes(result)
}

function isSeparator(character: string): boolean {
  if (character <= '\x7f') return !/\w/.test(character)
  return /\s/u.test(character)
}

function text(value: GoValue | undefined): string {
  return value?.kind === 'string' ? value.value : ''
}

function texts(value: GoValue | undefined): readonly string[] {
  return value?.kind === 'slice' ? (value.items ?? []).map(text) : []
}

function count(value: GoValue | undefined): number {
  return value?.kind === 'int' ? Number(value.value) : 0
}
