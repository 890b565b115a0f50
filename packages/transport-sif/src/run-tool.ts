import { spawn } from 'node:child_process'

import { displayText, systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'

const maxMessageLength = 500

/** Runs a program to its end; an abort ends it and what it started. Throws UNSUPPORTED when it is not installed, else IO. */
export async function runTool(program: string, words: readonly string[], { signal }: OperationOptions): Promise<void> {
  signal?.throwIfAborted()
  // A process group of its own, which can be ended as a whole.
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  let message = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    message = (message + text).slice(-maxMessageLength)
  })
  const kill = (): void => {
    // oxlint-disable-next-line no-restricted-globals -- a child can only be ended alone, not with its own children
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', kill)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    signal?.throwIfAborted()
    if (code === 127) throw missing(message.trim())
    if (code !== 0) throw new TransloadError('IO', `${program}: ${displayText(message.trim())}`)
  } catch (error) {
    throw systemErrorCode(error) === 'ENOENT' ? missing(`${program}: not found`, error) : error
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

function missing(problem: string, cause?: unknown): TransloadError {
  return new TransloadError('UNSUPPORTED', `reading a squashfs takes programs that are not installed: ${problem}`, {
    cause,
    hint: 'Install squashfs-tools, fakeroot and GNU tar.',
  })
}
