import { defineCommand } from '../command.ts'
import { completeWords, completionText } from '../completion.ts'
import type { CommandContext } from '../context.ts'
import { print } from '../output.ts'

export const complete = defineCommand({
  name: 'complete',
  description: `Print what may stand in place of the last word of a command line

The scripts of "transload completion" ask this.`,
  operands: '-- WORD...',
  examples: ['complete -- inspect oci'],
  flags: {},
  positionals: { least: 0, most: Number.POSITIVE_INFINITY, problem: '' },
  run: runComplete,
})

async function runComplete(_values: unknown, words: readonly string[], { stdout }: CommandContext): Promise<void> {
  await print(stdout, completionText(await completeWords(words)))
}
