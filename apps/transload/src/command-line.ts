import { TransloadError } from '@transload/contract'

import { groupValues } from './arguments/flag.ts'
import { commandIndex, normalizeArguments } from './arguments/pflag.ts'
import { commandTable, similarNames } from './command-table.ts'
import { createCommander, type Command } from './command.ts'
import { commandHelp, rootHelp } from './help.ts'
import { globalFlags, rootOnlyFlags, type GlobalValues } from './options/global-options.ts'
import { createRoot } from './root.ts'
import { version } from './version.ts'

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'print'; readonly text: string }
  | {
      readonly kind: 'run'
      readonly command: Command
      readonly values: Parameters<Command['run']>[0]
      readonly positionals: readonly string[]
    }

export interface ReadCommandLine {
  readonly globals: GlobalValues
  /** Throws USAGE for a command line that is wrong past its global flags; for a wrong count of words, after `printHelp`. */
  readonly request: () => Promise<Request>
}

/**
 * Reads a command line. The global flags come first because they decide how even a mistake is reported. Throws USAGE
 * for flags that are unknown or have values that do not parse.
 */
export async function readCommandLine(words: readonly string[]): Promise<ReadCommandLine> {
  const root = createRoot()
  const position = commandIndex(words, root.options)
  const entry = commandTable.find(
    ({ name, alias }) => position !== undefined && [name, alias].includes(words[position]),
  )
  if (position === undefined || !entry) return readRootLine(words, root)
  const command = await entry.load()
  const commander = createCommander(command)
  const before = normalizeArguments(words.slice(0, position), root.options).flags
  const behind = normalizeArguments(words.slice(position + 1), commander.options)
  root.parseOptions([...before])
  commander.parseOptions([...before.filter((word) => !isRootOnly(word)), ...behind.flags])
  const { help, ...values } = commander.opts()
  const globals = groupValues({ global: globalFlags }, values).global
  return {
    globals: { ...globals, tlsVerify: groupValues({ rootOnly: rootOnlyFlags }, root.opts()).rootOnly.tlsVerify },
    request: async () =>
      help || root.opts()['help']
        ? { kind: 'print', text: commandHelp(command) }
        : { kind: 'run', command, values: groupValues(command.flags, values), positionals: behind.positionals },
  }
}

function readRootLine(words: readonly string[], root: ReturnType<typeof createRoot>): ReadCommandLine {
  const { flags, positionals } = normalizeArguments(words, root.options)
  root.parseOptions([...flags])
  const { help, ...values } = root.opts()
  const { global, rootOnly } = groupValues({ global: globalFlags, rootOnly: rootOnlyFlags }, values)
  return {
    globals: { ...global, tlsVerify: rootOnly.tlsVerify },
    request: async () => {
      if (help) return { kind: 'print', text: rootHelp(root) }
      if (rootOnly.version) return { kind: 'print', text: `transload version ${version}\n` }
      const [name] = positionals
      throw new TransloadError('USAGE', name === undefined ? missingCommand() : unknownCommand(name))
    },
  }
}

const tryHelp = "Try 'transload --help' for more information"

function missingCommand(): string {
  return `Missing command 'transload COMMAND'\n${tryHelp}`
}

function unknownCommand(name: string): string {
  const similar = similarNames(name)
  const suggestion =
    similar.length === 0 ? '' : `\nDid you mean this?\n${similar.map((one) => `\t${one}\n`).join('')}\n`
  return `Unrecognized command \`transload ${name}\`\n${suggestion}${tryHelp}`
}

function isRootOnly(word: string): boolean {
  const name = word.slice(0, word.indexOf('='))
  return name === '--help' || Object.values(rootOnlyFlags).some(({ long }) => long === name)
}
