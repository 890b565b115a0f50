import type { Readable, Writable } from 'node:stream'

import { TransloadError, type OperationOptions } from '@transload/contract'

export interface ProgramInput {
  /** The whole environment; `PATH` is where the program is looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** On standard input. */
  readonly input: Uint8Array
  /** What it reads on descriptors 3 and up; undefined for one it writes to. */
  readonly descriptors?: readonly (string | undefined)[]
}

export interface ProgramOutcome {
  /** Null if a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: Uint8Array
  readonly stderr: string
  /** What it wrote to each of the descriptors that it does not read. */
  readonly written: readonly string[]
}

const maxOutputBytes = 4 * 1024 * 1024

/**
 * Runs a program to its end. Throws the system's error where it cannot be started, SIZE_LIMIT where it says more than any
 * signature takes, and `signal.reason`, once it has ended.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { environment, input, descriptors = [] }: ProgramInput,
  { signal }: OperationOptions,
): Promise<ProgramOutcome> {
  signal?.throwIfAborted()
  const { spawn } = await import('node:child_process')
  const child = spawn(program, args, {
    env: { ...environment },
    stdio: ['pipe', 'pipe', 'pipe', ...descriptors.map(() => 'pipe' as const)],
    ...(signal ? { signal } : {}),
  })
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [stdin, stdout, stderr, ...others] = child.stdio
  give(stdin, input)
  const writing: Readable[] = []
  for (const [turn, content] of descriptors.entries()) {
    if (content === undefined) writing.push(others[turn] as Readable)
    else give(others[turn] as Writable, content)
  }
  const output = Promise.all([stdout, stderr, ...writing].map((pipe) => read(program, pipe)))
  try {
    const outcome = await Promise.race([failed, Promise.all([output, exited])])
    signal?.throwIfAborted()
    if (outcome instanceof Error) throw outcome
    const [[said, complaints, ...written], exitCode] = outcome
    return { exitCode, stdout: said!, stderr: complaints!.toString(), written: written.map(String) }
  } finally {
    child.kill()
    for (const pipe of child.stdio) pipe?.destroy()
    await output.catch(() => {})
    if (child.pid !== undefined) await exited
  }
}

function give(pipe: Writable, content: Uint8Array | string): void {
  // It may end without reading all.
  pipe.on('error', () => {})
  pipe.end(content)
}

async function read(program: string, pipe: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of pipe as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxOutputBytes)
      throw new TransloadError('SIZE_LIMIT', `${program} said more than ${maxOutputBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
