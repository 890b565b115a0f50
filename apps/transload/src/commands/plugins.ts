import { addPlugin, createPluginRegistry } from '@transload/core'

import { builtinTransports } from '../builtin-plugins.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { print, printJson } from '../output.ts'
import { pluginNames } from '../side.ts'

export const plugins = defineCommand({
  name: 'plugins',
  description: `List the transports and the packages they come from

Besides those built in there are the packages named by --plugin and, separated by
commas, by the environment variable TRANSLOAD_PLUGINS.`,
  operands: '',
  examples: ['plugins', 'plugins --plugin transload-transport-s3 --json'],
  flags: {},
  positionals: { least: 0, problem: 'plugins takes no arguments' },
  run: runPlugins,
})

interface PluginRow {
  readonly transport: string
  readonly package: string
}

async function runPlugins(_values: unknown, _positionals: readonly string[], context: CommandContext): Promise<void> {
  const rows = [...builtinRows(), ...(await addedRows(context))].sort((a, b) => (a.transport < b.transport ? -1 : 1))
  if (context.globals.json) return await printJson(context.stdout, rows)
  const width = Math.max(...rows.map(({ transport }) => transport.length), 'TRANSPORT'.length)
  const lines = [{ transport: 'TRANSPORT', package: 'PACKAGE' }, ...rows]
  await print(context.stdout, lines.map((row) => `${row.transport.padEnd(width)}  ${row.package}\n`).join(''))
}

function builtinRows(): PluginRow[] {
  return Object.entries(builtinTransports).map(([transport, { packageName }]) => ({ transport, package: packageName }))
}

async function addedRows(context: CommandContext): Promise<PluginRow[]> {
  const rows: PluginRow[] = []
  for (const name of pluginNames(context)) {
    const registry = createPluginRegistry()
    await addPlugin(registry, name, { from: import.meta.url })
    rows.push(...registry.transports.keys().map((transport) => ({ transport, package: name })))
  }
  return rows
}
