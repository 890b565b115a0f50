import { Option } from 'commander'

import { parseBool, parseDuration, parseInteger, parseIntegers, parseUnsigned, splitCsvRecord } from './flag-values.ts'

declare const valueType: unique symbol

/**
 * A commander option whose value, when the flag is given, is a `T`; absent flags stay undefined. Booleans are
 * commander's options with an optional value: `--x` is `--x=true`, and the next word is never taken for a value.
 */
export type Flag<T> = Option & { readonly [valueType]?: T }

export type FlagGroup = Readonly<Record<string, Flag<unknown>>>
/** The flags of a command, by groups that are read and passed on as a whole. */
export type FlagGroups = Readonly<Record<string, FlagGroup>>

export type FlagValues<G extends FlagGroup> = {
  readonly [K in keyof G]: G[K] extends Flag<infer T> ? T | undefined : never
}
export type GroupValues<G extends FlagGroups> = { readonly [K in keyof G]: FlagValues<G[K]> }

export interface FlagDetails {
  /** The single letter. */
  readonly short?: string
  /** What stands for the value in help; default: the name of its type. */
  readonly placeholder?: string
  readonly hidden?: boolean
}

export function boolFlag(name: string, help: string, details: FlagDetails = {}): Flag<boolean> {
  return flag(`${spelling(name, details)} [bool]`, help, details, parseBool)
}

export function stringFlag(name: string, help: string, details: FlagDetails = {}): Flag<string> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'string'}>`, help, details, (text) => text)
}

/** Signed, with Go's base prefixes. */
export function intFlag(name: string, help: string, details: FlagDetails = {}): Flag<number> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'int'}>`, help, details, parseInteger)
}

export function uintFlag(name: string, help: string, details: FlagDetails = {}): Flag<number> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'uint'}>`, help, details, parseUnsigned)
}

/** A Go duration; the value is in milliseconds. */
export function durationFlag(name: string, help: string, details: FlagDetails = {}): Flag<number> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'duration'}>`, help, details, parseDuration)
}

/** Repeatable, each value one CSV record. */
export function stringsFlag(name: string, help: string, details: FlagDetails = {}): Flag<readonly string[]> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'strings'}>`, help, details, splitCsvRecord, true)
}

/** Repeatable, each value one or several integers by comma. */
export function intsFlag(name: string, help: string, details: FlagDetails = {}): Flag<readonly number[]> {
  return flag(`${spelling(name, details)} <${details.placeholder ?? 'ints'}>`, help, details, parseIntegers, true)
}

/** Another, hidden spelling of `flag`: both write one value, and the last on the command line wins. */
export function aliasFlag<T>(name: string, target: Flag<T>): Flag<T> {
  const alias = bareFlag<T>(target.flags.replace(/^.*--[^ ]+/, `--${name}`), target.description, target.optional)
  alias.attributeName = () => target.attributeName()
  if (target.parseArg) alias.argParser(target.parseArg)
  return alias.hideHelp()
}

/** What the command line said, group by group. `values` is commander's `opts()`. */
export function groupValues<G extends FlagGroups>(
  groups: G,
  values: Readonly<Record<string, unknown>>,
): GroupValues<G> {
  const readGroup = (group: FlagGroup): Record<string, unknown> =>
    Object.fromEntries(Object.entries(group).map(([key, option]) => [key, values[option.attributeName()]]))
  return Object.fromEntries(
    Object.entries(groups).map(([key, group]) => [key, readGroup(group)]),
  ) as unknown as GroupValues<G>
}

function spelling(name: string, { short }: FlagDetails): string {
  return short === undefined ? `--${name}` : `-${short}, --${name}`
}

function flag<T>(
  flags: string,
  help: string,
  details: FlagDetails,
  parse: (text: string, flag: string) => T,
  accumulates = false,
): Flag<T> {
  const option = bareFlag<T>(flags, help, flags.endsWith('[bool]'))
  const shown = flags.replace(/ [[<].*$/, '')
  option.argParser((text: string, previous: unknown) => {
    const value = parse(text, shown)
    return accumulates && Array.isArray(previous) && Array.isArray(value) ? [...previous, ...value] : value
  })
  return details.hidden ? option.hideHelp() : option
}

function bareFlag<T>(flags: string, help: string, isBool: boolean): Flag<T> {
  const option: Flag<T> = new Option(flags, help)
  // Placeholders hold brackets (`USERNAME[:PASSWORD]`), which commander would take for an optional value.
  option.optional = isBool
  option.required = !isBool
  // `--no-creds` and `--no-tags` are flags of their own here, not denials of `--creds` and `--tags`.
  option.negate = false
  if (isBool) option.preset('true')
  return option
}
