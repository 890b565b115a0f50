import { execFile } from 'node:child_process'

import { displayText, TransloadError, type OperationOptions } from '@transload/contract'

export interface ProgramOptions extends OperationOptions {
  /** Its whole environment; `PATH` is where the program is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What it reads on standard input. Default: nothing. */
  readonly input?: string
  /** Most it may print. */
  readonly maxBytes: number
}

/**
 * What a program printed. Throws CONFIG_INVALID if it is missing or fails, with what it said on standard error; the
 * input is in no message.
 */
export function runProgram(path: string, args: readonly string[], options: ProgramOptions): Promise<Buffer> {
  const { env, input = '', maxBytes, signal } = options
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const settings = { env: { ...env }, maxBuffer: maxBytes, encoding: 'buffer', ...(signal ? { signal } : {}) } as const
  const child = execFile(path, [...args], settings, (error, stdout, stderr) => {
    if (!error) return resolve(stdout)
    if (signal?.aborted) return reject(signal.reason)
    const reason =
      error.code === 'ENOENT'
        ? `exec: "${path}": executable file not found in $PATH`
        : typeof error.code === 'number'
          ? `exit status ${error.code}`
          : error.signal
            ? `signal: ${error.signal}`
            : String(error.code)
    const said = displayText(stderr.toString().trim(), 500)
    const message = `Error while running command: ${path}. stderr: ${said}: ${reason}`
    return reject(new TransloadError('CONFIG_INVALID', message))
  })
  // It may end without reading its input.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return promise
}
