import { Command as Commander } from 'commander'

import { boolFlag, type FlagGroups, type GroupValues } from './arguments/flag.ts'
import type { CommandContext } from './context.ts'
import { globalFlags } from './options/global-options.ts'

/** One command of the program: everything said about it, and what it does. */
export interface Command<G extends FlagGroups = FlagGroups> {
  readonly name: string
  /** What help begins with. */
  readonly description: string
  /** The words behind the name: `SOURCE-IMAGE DESTINATION-IMAGE`. */
  readonly operands: string
  /** Each without the program's name. */
  readonly examples: readonly string[]
  readonly flags: G
  readonly positionals: PositionalRule
  /** Writes its result to stdout. Throws TransloadError. */
  readonly run: (values: GroupValues<G>, positionals: readonly string[], context: CommandContext) => Promise<void>
}

export interface PositionalRule {
  readonly least: number
  /** Default: as many as `least`. */
  readonly most?: number
  /** What is said when there are too few or too many. */
  readonly problem: string | ((count: number) => string)
  /** The help goes to stderr first. */
  readonly showsHelp?: boolean
  /** What a shell offers for them; default: files. */
  readonly completes?: 'image' | 'command' | 'shell'
}

/** Keeps the types of the flags between a command's declaration and its `run`. */
export function defineCommand<const G extends FlagGroups>(command: Command<G>): Command {
  // A command is only ever run with values read through its own flags.
  return command as unknown as Command
}

/** The command for commander: its own flags, `--help`, and (left out of its help) the global flags. */
export function createCommander(command: Command): Commander {
  const commander = new Commander(command.name).helpOption(false).description(command.description)
  for (const group of Object.values(command.flags)) for (const flag of Object.values(group)) commander.addOption(flag)
  commander.addOption(boolFlag('help', `help for ${command.name}`, { short: 'h' }))
  for (const flag of Object.values(globalFlags)) commander.addOption(flag)
  return commander
}
