import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:os'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import type { CommandContext } from './context.ts'

/** Shows a page in the user's browser. Throws UNSUPPORTED where that does not go. */
export async function openBrowser(url: string, { env }: Pick<CommandContext, 'env'>): Promise<void> {
  const program = platform() === 'darwin' ? 'open' : 'xdg-open'
  // Some browsers stay in the foreground, and stay open when this program ends.
  const child = spawn(program, [url], { env, stdio: 'ignore', detached: true })
  child.unref()
  let code: unknown
  try {
    ;[code] = (await once(child, 'exit')) as [unknown]
  } catch (cause) {
    const problem = systemErrorCode(cause) === 'ENOENT' ? 'executable file not found in $PATH' : systemErrorText(cause)
    throw new TransloadError('UNSUPPORTED', `${program}: ${problem}`, { cause })
  }
  if (code !== 0) throw new TransloadError('UNSUPPORTED', `${program}: exit status ${String(code)}`)
}
