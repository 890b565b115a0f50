import { spawn } from 'node:child_process'

export interface ProcessOptions {
  readonly cwd?: string | undefined
  /** The whole environment; absent: this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly input?: string | Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ProcessOutput {
  /** The exit status; undefined if a signal ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. A failing exit status is a result, not an error; a program that cannot start is one. */
export async function processOutput(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessOutput> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    signal: options.signal,
    stdio: 'pipe',
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin.on('error', () => {}) // a program that reads no input may close it first
  child.stdin.end(options.input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return {
    code: code ?? undefined,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** What a program prints on standard output; throws with what it said on standard error if it fails. */
export async function textOf(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await processOutput(command, args, options)
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')}: exit status ${code ?? 'by signal'}\n${stderr || stdout}`)
  }
  return stdout
}
