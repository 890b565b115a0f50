import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:os'

import { systemErrorCode, TransloadError } from '@transload/contract'

import type { CommandContext } from './context.ts'

/** Shows a page in the user's browser. Throws UNSUPPORTED where there is none. */
export async function openBrowser(url: string, { env, signal }: Pick<CommandContext, 'env' | 'signal'>): Promise<void> {
  const program = platform() === 'darwin' ? 'open' : 'xdg-open'
  // Some browsers stay in the foreground: nothing waits for them to end.
  const child = spawn(program, [url], { env, stdio: 'ignore', detached: true })
  child.unref()
  try {
    await once(child, 'spawn', { signal })
  } catch (cause) {
    signal.throwIfAborted()
    const problem =
      systemErrorCode(cause) === 'ENOENT' ? `${program}: executable file not found in $PATH` : String(cause)
    throw new TransloadError('UNSUPPORTED', problem, { cause })
  }
}
