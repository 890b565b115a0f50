#!/usr/bin/env node
import { existsSync } from 'node:fs'
import module from 'node:module'

import { version } from './version.ts'

void main(process.argv.slice(2))

async function main(words: readonly string[]): Promise<void> {
  if (words.length === 1 && (words[0] === '--version' || words[0] === '-v')) {
    // Answered before anything is imported: what asks for a version wants it now.
    process.stdout.write(`transload version ${version}\n`)
  } else if (isTooOld(process.versions.node)) {
    process.stderr.write(`transload needs Node.js 24.15 or newer, and this is ${process.versions.node}\n`)
    process.exitCode = 1
  } else {
    enableCompileCache()
    // What Node ends with if nothing is left that could settle what is awaited.
    process.exitCode = 13
    const { run } = await import('./run.ts')
    const { signal, received, interrupt } = signalsAsAbort()
    process.stdout.on('error', endOnClosedPipe)
    process.stderr.on('error', endOnClosedPipe)
    const { stdin, stdout, stderr, env } = process
    const code = await run(words, { stdin, stdout, stderr, env, directory: process.cwd(), signal, interrupt })
    // What ended well in spite of a signal (a server that was told to stop) did end well.
    process.exitCode = code === 0 ? 0 : (received() ?? code)
  }
}

/** Said before anything newer than this file's syntax is parsed. */
function isTooOld(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  return major < 24 || (major === 24 && minor < 15)
}

/**
 * In the user's own cache: one that others can write to could be made to run their code. A home that does not exist
 * (service users have such) is not made.
 */
function enableCompileCache(): void {
  const { XDG_CACHE_HOME, HOME } = process.env
  const cache = XDG_CACHE_HOME || (HOME && existsSync(HOME) ? `${HOME}/.cache` : '')
  if (cache !== '') module.enableCompileCache(`${cache}/transload/compiled`)
}

interface Interruption {
  readonly signal: AbortSignal
  /** The exit code of the signal that came, if one did. */
  readonly received: () => number | undefined
  readonly interrupt: () => void
}

/** The first SIGINT, SIGTERM or SIGHUP aborts and lets the command clean up; a second one ends the program where it stands. */
function signalsAsAbort(): Interruption {
  const controller = new AbortController()
  let exitCode: number | undefined
  const handle = (name: string, code: number): void => {
    if (exitCode !== undefined) process.exit(code)
    exitCode = code
    controller.abort(new Error(`interrupted by ${name}`))
  }
  const interrupt = (): void => handle('SIGINT', 130)
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', () => handle('SIGTERM', 143))
  process.on('SIGHUP', () => handle('SIGHUP', 129))
  return { signal: controller.signal, received: () => exitCode, interrupt }
}

/** Whoever read our output is gone: nothing is left to say it to. 141 is what a shell sees after SIGPIPE. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(141)
  throw error
}
