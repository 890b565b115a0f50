import { encodeJson, errorMessage, type HttpError, TransloadError } from '@transload/contract'
import type { TransferError, TrustError } from '@transload/core'

import { causes, exitCode, reportedCode } from './exit-code.ts'
import type { CommandLog } from './log.ts'

export interface FailureReport {
  readonly log: CommandLog
  readonly stderr: NodeJS.WriteStream
  readonly json: boolean
}

/**
 * Says why a command failed, and returns its exit code. One fatal line; the hint, if there is one, on a line of its
 * own: below it for a person, before it in a log, where scripts expect the fatal line last. With `--json` the very last
 * line is the error as JSON. What failed while cleaning up is told too, but the exit code is that of what failed first.
 */
export function reportFailure(failure: unknown, { log, stderr, json }: FailureReport): number {
  const { error, message } = told(failure)
  const hint = TransloadError.is(error) ? error.hint : undefined
  if (!TransloadError.is(error) && error instanceof Error && error.stack) log('debug', error.stack)
  if (hint !== undefined && !stderr.isTTY) log('info', hint)
  log('fatal', message)
  if (hint !== undefined && stderr.isTTY) stderr.write(`${hint}\n`)
  if (json) stderr.write(`${encodeJson({ error: failureJson(error, message, hint) })}\n`)
  return exitCode(error)
}

/** What failed first, and what to say (cli.md §17): `await using` puts a failure to close before the one it was left by. */
function told(failure: unknown): { readonly error: unknown; readonly message: string } {
  if (!(failure instanceof SuppressedError)) return { error: failure, message: errorMessage(failure) }
  const first = told(failure.suppressed)
  return { error: first.error, message: `${first.message} (${told(failure.error).message})` }
}

function failureJson(error: unknown, message: string, hint: string | undefined): Record<string, unknown> {
  const chain = causes(error)
  // Words put before a message make a new error; what the server said stays with the one inside.
  const find = (name: keyof FailureDetails): unknown =>
    chain.map((cause) => (cause as Partial<FailureDetails>)[name]).find((value) => value !== undefined)
  return {
    code: reportedCode(error),
    message,
    hint,
    retryable: TransloadError.is(error) && error.retryable,
    exitCode: exitCode(error),
    side: find('side'),
    step: find('step'),
    status: find('status'),
    serverCodes: find('serverCodes'),
    reasons: find('reasons'),
  }
}

type FailureDetails = HttpError & TransferError & TrustError
