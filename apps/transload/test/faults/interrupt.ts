import { once } from 'node:events'
import { text } from 'node:stream/consumers'

import type { Outcome, User } from '../run-cli.ts'

export interface Interruption {
  readonly signal: NodeJS.Signals
  /** When to send it. */
  readonly when: () => Promise<void>
}

/** Runs the program, and sends it a signal on its way. */
export async function interrupt(
  user: User,
  words: readonly string[],
  { signal, when }: Interruption,
): Promise<Outcome & { readonly endedBy: NodeJS.Signals | null }> {
  const child = user.start(words)
  const stdout = text(child.stdout!)
  const stderr = text(child.stderr!)
  const closed = once(child, 'close')
  await Promise.race([when(), closed])
  child.kill(signal)
  const [code, endedBy] = (await closed) as [number | null, NodeJS.Signals | null]
  const said = { stdout: await stdout, stderr: await stderr }
  return { code, endedBy, ...said, output: said.stdout + said.stderr }
}
