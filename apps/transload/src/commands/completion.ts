import { TransloadError } from '@transload/contract'

import { bashCompletion } from '../bash-completion.ts'
import { defineCommand } from '../command.ts'
import { shells } from '../completion.ts'
import type { CommandContext } from '../context.ts'
import { commandHelp } from '../help.ts'
import { print } from '../output.ts'

export const completion = defineCommand({
  name: 'completion',
  description: `Generate the autocompletion script for a shell: ${shells.join(', ')}

To load it into a running shell:
  bash        source <(transload completion bash)
  zsh         source <(transload completion zsh)
  fish        transload completion fish | source
  powershell  transload completion powershell | Out-String | Invoke-Expression`,
  operands: 'SHELL',
  examples: ['completion bash > /etc/bash_completion.d/transload'],
  flags: {},
  positionals: { least: 0, most: Number.POSITIVE_INFINITY, problem: '', completes: 'shell' },
  run: runCompletion,
})

/** For no shell, or one nobody knows, the help, as with skopeo. */
async function runCompletion(
  _values: unknown,
  [wanted, extra]: readonly string[],
  { stdout }: CommandContext,
): Promise<void> {
  const shell = shells.find((name) => name === wanted)
  if (!shell) return await print(stdout, commandHelp(completion))
  if (extra !== undefined) {
    throw new TransloadError('USAGE', `unknown command ${JSON.stringify(extra)} for "transload completion ${shell}"`)
  }
  if (shell === 'bash') return await print(stdout, bashCompletion)
  const { script } = await import('@bomb.sh/tab')
  // It prints by itself.
  script(shell, 'transload', 'transload')
}
