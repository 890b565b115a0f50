import { TransloadError } from '@transload/contract'
import type { Option } from 'commander'

export interface NormalizedArguments {
  /** One `--name=value` for every flag given, in order: the one form commander cannot misread. */
  readonly flags: readonly string[]
  readonly positionals: readonly string[]
}

/**
 * Reads a command line as Go's pflag does: flags and positionals mix, single letters combine, booleans take a value
 * only behind `=`, `--` ends flags. Values are not looked at. Throws USAGE in pflag's words.
 */
export function normalizeArguments(words: readonly string[], options: readonly Option[]): NormalizedArguments {
  const flags: string[] = []
  const positionals: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (word === '--') {
      positionals.push(...words.slice(index + 1))
      break
    }
    if (!isFlag(word)) {
      positionals.push(word)
      continue
    }
    const next = words[index + 1]
    const read = word.startsWith('--') ? readLong(word, next, options) : readLetters(word, next, options)
    flags.push(...read.flags)
    if (read.takesNext) index++
  }
  return { flags, positionals }
}

/**
 * Where the command's name stands, undefined if there is none. Before it only `options` are known; an unknown flag
 * without `=` is taken to have a value, as cobra takes it.
 */
export function commandIndex(words: readonly string[], options: readonly Option[]): number | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (word === '--') return undefined
    if (!isFlag(word)) return index
    if (word.includes('=')) continue
    const option = word.startsWith('--')
      ? findLong(word.slice(2), options)
      : word.length === 2
        ? findShort(word[1]!, options)
        : undefined
    const isLetters = !word.startsWith('--') && word.length > 2
    if (!isLetters && !option?.optional) index++
  }
  return undefined
}

/** What one word of flags says, and whether it needs the next word. */
interface ReadFlags {
  readonly flags: readonly string[]
  readonly takesNext: boolean
}

function readLong(word: string, next: string | undefined, options: readonly Option[]): ReadFlags {
  const equals = word.indexOf('=')
  const name = word.slice(2, equals < 0 ? undefined : equals)
  if (name === '' || name.startsWith('-')) throw usage(`bad flag syntax: ${word}`)
  const option = findLong(name, options)
  if (!option) throw usage(`unknown flag: --${name}`)
  if (equals >= 0) return { flags: [word], takesNext: false }
  if (option.optional) return { flags: [canonical(option, String(option.presetArg))], takesNext: false }
  if (next === undefined) throw usage(`flag needs an argument: --${name}`)
  return { flags: [canonical(option, next)], takesNext: true }
}

function readLetters(word: string, next: string | undefined, options: readonly Option[]): ReadFlags {
  const flags: string[] = []
  let letters = word.slice(1)
  while (letters !== '') {
    const option = findShort(letters[0]!, options)
    if (!option) throw usage(`unknown shorthand flag: '${letters[0]}' in -${letters}`)
    if (letters.length > 2 && letters[1] === '=') {
      return { flags: [...flags, canonical(option, letters.slice(2))], takesNext: false }
    }
    if (!option.optional) {
      if (letters.length > 1) return { flags: [...flags, canonical(option, letters.slice(1))], takesNext: false }
      if (next === undefined) throw usage(`flag needs an argument: '${letters}' in -${letters}`)
      return { flags: [...flags, canonical(option, next)], takesNext: true }
    }
    flags.push(canonical(option, String(option.presetArg)))
    letters = letters.slice(1)
  }
  return { flags, takesNext: false }
}

function canonical(option: Option, value: string): string {
  return `${option.long}=${value}`
}

function findLong(name: string, options: readonly Option[]): Option | undefined {
  return options.find(({ long }) => long === `--${name}`)
}

function findShort(letter: string, options: readonly Option[]): Option | undefined {
  return options.find(({ short }) => short === `-${letter}`)
}

function isFlag(word: string): boolean {
  return word.length > 1 && word.startsWith('-')
}

function usage(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
