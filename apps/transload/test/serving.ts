import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { User } from './run-cli.ts'

/** A running `transload serve`. Disposing ends it. */
export interface Serving extends AsyncDisposable {
  /** What it said once it listened. */
  readonly line: string
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly child: ChildProcess
  /** Sends the signal and resolves to the exit code. */
  stop(signal: NodeJS.Signals): Promise<unknown>
}

/** Serves on a free port. */
export async function startServing(user: User, words: readonly string[]): Promise<Serving> {
  const child = user.start(['serve', '--listen', '127.0.0.1:0', ...words])
  child.stderr!.resume()
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  const stop: Serving['stop'] = async (signal) => {
    if (child.exitCode !== null) return child.exitCode
    child.kill(signal)
    const [code] = (await once(child, 'exit')) as [unknown]
    return code
  }
  return {
    line,
    host: line.replace(/^.*:\/\//, ''),
    child,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop('SIGTERM')),
  }
}
