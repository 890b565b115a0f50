import {
  displayText,
  parseJsonObject,
  systemErrorCode,
  TransloadError,
  type OperationOptions,
} from '@transload/contract'

import { runProgram } from './run-program.ts'

/** What a registry or its token server is shown. An identity token is a refresh token (OAuth 2). */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string | undefined }

/** Finds `docker-credential-NAME` in `env.PATH` and runs it with `env` as its environment. */
export interface HelperOptions extends OperationOptions {
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Asks the helper for the credentials of a server (`host[:port]`, or the URL Docker uses for its Hub). Undefined when
 * it has none. Throws CONFIG_INVALID when the helper is missing or fails.
 */
export async function readHelperCredentials(
  helper: string,
  server: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const answer = await runHelper(helper, 'get', server, options)
  if (answer === undefined) return undefined
  const { Username: username, Secret: secret } = parseAnswer(helper, answer)
  if (typeof username !== 'string' || typeof secret !== 'string' || (username === '' && secret === '')) return undefined
  return username === '<token>' ? { identityToken: secret } : { username, password: secret }
}

/** Throws CONFIG_INVALID when the helper is missing or fails. */
export async function storeHelperCredentials(
  helper: string,
  server: string,
  { username, password }: { readonly username: string; readonly password: string },
  options: HelperOptions,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password })
  await runHelper(helper, 'store', input, options)
}

/** False when it had none. Throws CONFIG_INVALID when the helper is missing or fails. */
export async function eraseHelperCredentials(helper: string, server: string, options: HelperOptions): Promise<boolean> {
  return (await runHelper(helper, 'erase', server, options)) !== undefined
}

/** Server → user name, of everything the helper has. Throws CONFIG_INVALID when it is missing or fails. */
export async function listHelperCredentials(
  helper: string,
  options: HelperOptions,
): Promise<ReadonlyMap<string, string>> {
  const answer = await runHelper(helper, 'list', '', options)
  const entries = Object.entries(answer === undefined ? {} : parseAnswer(helper, answer))
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

/** Is the error that there is no such program? */
export function isMissingHelper(error: unknown): boolean {
  return TransloadError.is(error) && systemErrorCode(error.cause) === 'ENOENT'
}

type HelperAction = 'get' | 'store' | 'erase' | 'list'

const gerunds: Readonly<Record<HelperAction, string>> = {
  get: 'getting',
  store: 'storing',
  erase: 'erasing',
  list: 'listing',
}

const maxAnswerBytes = 1024 * 1024

/** What the helper printed; undefined when that says it has no such credentials. */
async function runHelper(
  helper: string,
  action: HelperAction,
  input: string,
  options: HelperOptions,
): Promise<string | undefined> {
  // The name comes out of a file: it must not become a path.
  if (!/^[\w.-]+$/.test(helper)) {
    throw new TransloadError('CONFIG_INVALID', `credential helper ${JSON.stringify(helper)}: not the name of a program`)
  }
  const program = `docker-credential-${helper}`
  const { stdout, failure } = await runProgram(program, [action], { ...options, input, maxBytes: maxAnswerBytes })
  const answer = stdout.toString()
  if (!failure) return answer
  if (answer.trim() === 'credentials not found in native keychain') return undefined
  const { reason, cause } = failure
  const message = `error ${gerunds[action]} credentials - err: ${reason}, out: \`${displayText(answer.trim(), 500)}\``
  const isMissing = systemErrorCode(cause) === 'ENOENT'
  const hint = isMissing ? `Install ${program}, or remove it from the credential file.` : undefined
  throw new TransloadError('CONFIG_INVALID', message, { hint, cause })
}

function parseAnswer(helper: string, answer: string): Record<string, unknown> {
  return parseJsonObject(answer, `the answer of docker-credential-${helper}`, 'CONFIG_INVALID')
}
