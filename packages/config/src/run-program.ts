import { displayText, TransloadError, type OperationOptions } from '@transload/contract'

export interface ProgramOptions extends OperationOptions {
  /** Its whole environment; `PATH` is where the program is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What it reads on standard input. Default: nothing. */
  readonly input?: string
  /** Most it may print. */
  readonly maxBytes: number
}

export interface ProgramOutcome {
  readonly stdout: Buffer
  readonly stderr: string
  /** How it failed, in the words of Go's tools; absent: it ended well. The cause of a missing program is an ENOENT. */
  readonly failure?: { readonly reason: string; readonly cause: Error }
}

/** Runs a program to its end. Rejects only with `signal.reason`. */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramOutcome> {
  // Not before it is needed: reading configuration seldom runs a program.
  const { execFile } = await import('node:child_process')
  const { env, input = '', maxBytes, signal } = options
  const { promise, resolve, reject } = Promise.withResolvers<ProgramOutcome>()
  const settings = { env: { ...env }, maxBuffer: maxBytes, encoding: 'buffer', ...(signal ? { signal } : {}) } as const
  const child = execFile(path, [...args], settings, (error, stdout, errorOutput) => {
    const stderr = errorOutput.toString()
    if (!error) return resolve({ stdout, stderr })
    if (signal?.aborted) return reject(signal.reason)
    const reason =
      error.code === 'ENOENT'
        ? `exec: "${path}": executable file not found in $PATH`
        : typeof error.code === 'number'
          ? `exit status ${error.code}`
          : error.signal
            ? `signal: ${error.signal}`
            : String(error.code)
    return resolve({ stdout, stderr, failure: { reason, cause: error } })
  })
  // It may end without reading its input.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return await promise
}

/**
 * What a program printed. Throws CONFIG_INVALID if it is missing or fails, with what it said on standard error; the
 * input is in no message.
 */
export async function readProgramOutput(
  path: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<Buffer> {
  const { stdout, stderr, failure } = await runProgram(path, args, options)
  if (!failure) return stdout
  const said = displayText(stderr.trim(), 500)
  throw new TransloadError('CONFIG_INVALID', `Error while running command: ${path}. stderr: ${said}: ${failure.reason}`)
}
