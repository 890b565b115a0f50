import type { Option } from 'commander'

import { commandIndex } from './arguments/pflag.ts'
import { builtinTransports } from './builtin-plugins.ts'
import { commandTable, listedCommands } from './command-table.ts'
import { createCommander, type Command } from './command.ts'
import { createRoot } from './root.ts'

/** What a shell may put in place of the last word. */
export interface Completions {
  readonly candidates: readonly { readonly word: string; readonly description?: string }[]
  /** What the shell does beside that: a sum of {@link directives}. */
  readonly directive: number
}

/** cobra's, which the scripts of all shells know. 0: files are completed when there are no candidates. */
const directives = { noSpace: 2, noFiles: 4 } as const

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const

/** For the command line `words`, without the program's name; the last, perhaps empty, is being typed. */
export async function completeWords(words: readonly string[]): Promise<Completions> {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const root = createRoot()
  const position = commandIndex(before, root.options)
  if (position === undefined) {
    if (!before.includes('--')) return completeFlag(before, current, root.options) ?? completeCommand()
    return { candidates: [], directive: 0 }
  }
  const command = await commandTable.find(({ name }) => name === before[position])?.load()
  if (!command) return { candidates: [], directive: directives.noFiles }
  const flag = before.includes('--') ? undefined : completeFlag(before, current, createCommander(command).options)
  return flag ?? completePositional(command, current)
}

/** One candidate a line, then the directive: cobra's protocol. */
export function completionText({ candidates, directive }: Completions): string {
  const lines = candidates.map(({ word, description }) => (description ? `${word}\t${description}` : word))
  return [...lines, `:${directive}`, ''].join('\n')
}

/** Undefined where no flag is being typed. */
function completeFlag(before: readonly string[], current: string, options: readonly Option[]): Completions | undefined {
  const previous = before.at(-1) ?? ''
  const isValue = options.some(({ long, short, required }) => required && (long === previous || short === previous))
  if (isValue || (current.startsWith('-') && current.includes('='))) return { candidates: [], directive: 0 }
  if (!current.startsWith('-')) return undefined
  const fitting = options.filter(({ hidden, long }) => !hidden && long?.startsWith(current))
  return {
    candidates: fitting
      .map(({ long = '', description }) => ({ word: long, description }))
      .sort((a, b) => (a.word < b.word ? -1 : 1)),
    directive: directives.noFiles,
  }
}

function completeCommand(): Completions {
  return {
    candidates: listedCommands.map(({ name, summary }) => ({ word: name, description: summary })),
    directive: directives.noFiles,
  }
}

function completePositional({ positionals: { completes } }: Command, current: string): Completions {
  if (completes === 'command') return completeCommand()
  if (completes === 'shell') return { candidates: shells.map((word) => ({ word })), directive: directives.noFiles }
  return completes === 'image' ? completeImage(current) : { candidates: [], directive: 0 }
}

const unofferedSchemes: ReadonlySet<string> = new Set(['atomic', 'tarball'])

/** cli.md §11.7. Not all are offered, as they are not by skopeo. */
function completeImage(current: string): Completions {
  const isScheme = !current.includes(':')
  const noneAfter = directives.noSpace + directives.noFiles
  if (isScheme) {
    const schemes = Object.keys(builtinTransports).filter((scheme) => !unofferedSchemes.has(scheme))
    return { candidates: schemes.map((scheme) => ({ word: `${scheme}:` })), directive: noneAfter }
  }
  if (current === 'docker:') return { candidates: [{ word: 'docker://' }], directive: noneAfter }
  const scheme = current.slice(0, current.indexOf(':'))
  if (['oci', 'oci-archive', 'docker-archive'].includes(scheme))
    return { candidates: [], directive: directives.noSpace }
  return { candidates: [], directive: ['dir', 'sif', 'tarball'].includes(scheme) ? 0 : noneAfter }
}
