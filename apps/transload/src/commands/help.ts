import { commandTable } from '../command-table.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { commandHelp, rootHelp, rootUsage } from '../help.ts'
import { print } from '../output.ts'
import { createRoot } from '../root.ts'

export const help = defineCommand({
  name: 'help',
  description: 'Help about any command',
  operands: '[COMMAND]',
  examples: ['help copy'],
  flags: {},
  positionals: { least: 0, most: Number.POSITIVE_INFINITY, problem: '', completes: 'command' },
  run: runHelp,
})

/** For a command nobody knows the list of commands goes to stderr, and the exit code is still 0, as with skopeo. */
async function runHelp(_values: unknown, topics: readonly string[], { stdout, stderr }: CommandContext): Promise<void> {
  const [name] = topics
  if (name === undefined) return await print(stdout, rootHelp(createRoot()))
  const entry = commandTable.find((candidate) => candidate.name === name || candidate.alias === name)
  if (entry) return await print(stdout, commandHelp(await entry.load()))
  const words = topics.map((topic) => `\`${topic}\``).join(' ')
  await print(stderr, `Unknown help topic [${words}]\n${rootUsage(createRoot())}`)
}
