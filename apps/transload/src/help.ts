import type { Command as Commander, Option } from 'commander'

import { listedCommands } from './command-table.ts'
import { createCommander, type Command } from './command.ts'
import { globalFlags } from './options/global-options.ts'

/** The text of `transload COMMAND --help`. */
export function commandHelp(command: Command): string {
  const globals: readonly Option[] = Object.values(globalFlags)
  const own = createCommander(command).options.filter((option) => !globals.includes(option))
  return [
    command.description,
    '',
    'Usage:',
    `  transload ${command.name} [command options]${command.operands === '' ? '' : ` ${command.operands}`}`,
    '',
    ...(command.examples.length > 0
      ? ['Examples:', ...command.examples.map((example) => `  transload ${example}`), '']
      : []),
    'Flags:',
    ...flagLines(own),
    '',
  ].join('\n')
}

/** The text of `transload --help`. */
export function rootHelp(root: Commander): string {
  return `Moves container images between registries, OCI layouts, directories and archives\n\n${rootUsage(root)}`
}

/** The same without its first line: what follows a mistake. */
export function rootUsage(root: Commander): string {
  const width = Math.max(...listedCommands.map(({ name }) => name.length))
  return [
    'Usage:',
    '  transload [flags]',
    '  transload [command]',
    '',
    'Available Commands:',
    ...listedCommands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`),
    '',
    'Flags:',
    ...flagLines(root.options),
    '',
    'Use "transload [command] --help" for more information about a command.',
    '',
  ].join('\n')
}

/** pflag's layout: sorted by name, all descriptions in one column. */
function flagLines(options: readonly Option[]): string[] {
  const rows = options
    .filter(({ hidden }) => !hidden)
    .map((option) => ({ name: option.name(), term: flagTerm(option), description: option.description }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const width = Math.max(...rows.map(({ term }) => term.length))
  return rows.map(({ term, description }) => `${term.padEnd(width)}   ${description}`)
}

function flagTerm(option: Option): string {
  const short = option.short === undefined ? '    ' : `${option.short}, `
  const placeholder = option.required ? ` ${/<(.*)>$/.exec(option.flags)?.[1]}` : ''
  return `  ${short}${option.long}${placeholder}`
}
