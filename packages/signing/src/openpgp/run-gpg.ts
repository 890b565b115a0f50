import type { Readable, Writable } from 'node:stream'

import { systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'

export interface GpgProgram {
  /** Its whole environment: `PATH` is where gpg is looked for, and `GNUPGHOME` or `HOME` say where the keys are. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Given to gpg through a pipe. Absent or empty: none is. */
  readonly passphrase?: string | undefined
}

export interface GpgOutcome {
  /** Null if a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: Uint8Array
  readonly stderr: string
  /** What gpg reports to programs (doc/DETAILS): keyword → the rest of its last line. */
  readonly status: ReadonlyMap<string, string>
}

const maxOutputBytes = 4 * 1024 * 1024
const statusDescriptor = 3
const passphraseDescriptor = 4

/**
 * Runs gpg to its end, with `input` on standard input. Throws CONFIG_INVALID where there is no gpg, SIZE_LIMIT where it
 * says more than any signature takes, and `signal.reason`, once it has ended.
 */
export async function runGpg(
  args: readonly string[],
  input: Uint8Array,
  { environment, passphrase }: GpgProgram,
  { signal }: OperationOptions,
): Promise<GpgOutcome> {
  signal?.throwIfAborted()
  const { spawn } = await import('node:child_process')
  const fixed = ['--batch', '--no-tty', '--no-armor', '--no-textmode', `--status-fd=${statusDescriptor}`]
  const loopback = passphrase ? ['--pinentry-mode=loopback', `--passphrase-fd=${passphraseDescriptor}`] : []
  const child = spawn('gpg', [...fixed, ...loopback, ...args], {
    env: { ...environment },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', ...(passphrase ? (['pipe'] as const) : [])],
    ...(signal ? { signal } : {}),
  })
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [, , , statusPipe, passphrasePipe] = child.stdio
  give(child.stdin, input)
  if (passphrasePipe) give(passphrasePipe as Writable, `${passphrase}\n`)
  const output = Promise.all([child.stdout, child.stderr, statusPipe as Readable].map((pipe) => read(pipe)))
  try {
    const outcome = await Promise.race([failed, Promise.all([output, exited])])
    signal?.throwIfAborted()
    if (outcome instanceof Error) throw cannotRun(outcome)
    const [[stdout, stderr, status], exitCode] = outcome
    return { exitCode, stdout: stdout!, stderr: stderr!.toString(), status: parseStatus(status!.toString()) }
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

async function read(pipe: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of pipe as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxOutputBytes) throw new TransloadError('SIZE_LIMIT', `gpg said more than ${maxOutputBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseStatus(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const [, keyword, rest = ''] = /^\[GNUPG:\] (\S+) ?(.*)$/.exec(line) ?? []
    return keyword === undefined ? [] : [[keyword, rest] as const]
  })
  return new Map(lines)
}

function cannotRun(cause: Error): TransloadError {
  if (systemErrorCode(cause) !== 'ENOENT') {
    return new TransloadError('CONFIG_INVALID', `gpg cannot be run: ${cause.message}`, { cause })
  }
  return new TransloadError('CONFIG_INVALID', 'exec: "gpg": executable file not found in $PATH', {
    cause,
    hint: 'Install GnuPG, or sign with an exported secret key: --sign-by-key-file FILE.',
  })
}
