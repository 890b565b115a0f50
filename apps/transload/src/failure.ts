import { encodeJson, TransloadError, type HttpError } from '@transload/contract'

import { exitCode, reportedCode } from './exit-code.ts'
import type { CommandLog } from './log.ts'
import { errorMessage } from './system-error.ts'

export interface FailureReport {
  readonly log: CommandLog
  readonly stderr: NodeJS.WriteStream
  readonly json: boolean
}

/**
 * Says why a command failed, and returns its exit code. One fatal line; the hint, if there is one, on a line of its
 * own: below it for a person, before it in a log, where scripts expect the fatal line last. With `--json` the very last
 * line is the error as JSON.
 */
export function reportFailure(error: unknown, { log, stderr, json }: FailureReport): number {
  const message = errorMessage(error)
  const hint = TransloadError.is(error) ? error.hint : undefined
  if (!TransloadError.is(error) && error instanceof Error && error.stack) log('debug', error.stack)
  if (hint !== undefined && !stderr.isTTY) log('info', hint)
  log('fatal', message)
  if (hint !== undefined && stderr.isTTY) stderr.write(`${hint}\n`)
  if (json) stderr.write(`${encodeJson({ error: failureJson(error, message, hint) })}\n`)
  return exitCode(error)
}

function failureJson(error: unknown, message: string, hint: string | undefined): Record<string, unknown> {
  const { status, serverCodes, side, step, reasons, retryable } = error as Partial<HttpError> & Record<string, unknown>
  return {
    code: reportedCode(error),
    message,
    hint,
    retryable: retryable ?? false,
    exitCode: exitCode(error),
    status,
    serverCodes,
    side,
    step,
    reasons,
  }
}
