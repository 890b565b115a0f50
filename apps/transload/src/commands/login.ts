import { authTarget, parseCredentialKey, storeCredentials, type CredentialKey } from '@transload/config'
import { TransloadError } from '@transload/contract'
import type { Credentials } from '@transload/transport-registry'

import { boolFlag, stringFlag, type FlagValues, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { askLine, askSecret, readAllLines } from '../prompt.ts'
import { areValidCredentials, checkRegistryCredentials } from '../registry-credentials.ts'
import { findStoredCredentials } from '../stored-credentials.ts'

const flags = {
  login: {
    authfile: stringFlag(
      'authfile',
      'path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override',
    ),
    certDir: stringFlag('cert-dir', 'use certificates at the specified path to access the registry'),
    compatAuthFile: stringFlag('compat-auth-file', 'path of a Docker-compatible config file to update instead'),
    getLogin: boolFlag('get-login', 'Return the current login user for the registry'),
    password: stringFlag('password', 'Password for registry', { short: 'p' }),
    passwordStdin: boolFlag('password-stdin', 'Take the password from stdin'),
    tlsVerify: boolFlag('tls-verify', 'require HTTPS and verify certificates when accessing the registry'),
    username: stringFlag('username', 'Username for registry', { short: 'u' }),
    verbose: boolFlag('verbose', 'Write more detailed information to stdout', { short: 'v' }),
  },
}

type LoginValues = FlagValues<typeof flags.login>

export const login = defineCommand({
  name: 'login',
  description: 'Login to a container registry on a specified server.',
  operands: 'REGISTRY',
  examples: ['login quay.io'],
  flags,
  positionals: {
    least: 1,
    problem: (count) =>
      count === 0 ? 'please provide a registry to log in to' : 'login accepts only one registry to log in to',
  },
  run: runLogin,
})

async function runLogin(
  { login: values }: GroupValues<typeof flags>,
  [registry = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { locations, log, signal, stdout, globals, registries } = context
  const { authfile, compatAuthFile } = values
  const target = await authTarget(locations, { authFile: authfile, compatAuthFile, log })
  const key = parseCredentialKey(registry)
  const authFile = target.isExclusive ? target.path : undefined
  const found = await findStoredCredentials(key, context, { authFile, prefix: 'get credentials' })
  const stored = found?.credentials
  if (values.getLogin) return await print(stdout, `${readLogin(stored, key)}\n`)
  if (stored && 'identityToken' in stored) {
    throw new TransloadError('USAGE', 'currently logged in, auth file contains an Identity token', {
      hint: `Log out first: transload logout ${key.key}`,
    })
  }
  const password = await readGivenPassword(values, context)
  const say = (line: string): Promise<void> => (globals.json ? Promise.resolve() : print(stdout, `${line}\n`))
  if (!values.username && !password && stored?.username && stored.password) {
    await say(`Authenticating with existing credentials for ${key.key}`)
    if (await areValidCredentials(stored, key, values, context)) {
      await say(`Existing credentials are valid. Already logged in to ${key.host}`)
      return await printLogin(key, stored, context)
    }
    await say('Existing credentials are invalid, please enter valid username and password')
  }
  const credentials = await askForMissing({ username: values.username, password }, stored?.username, context)
  await checkRegistryCredentials(credentials, key, values, context)
  const { credentialHelpers } = await registries.readConf()
  const helper = await storeCredentials(target, key, credentials, locations, { credentialHelpers, signal })
  if (values.verbose) await say(`Used:  ${helper === undefined ? target.path : `credential helper: ${helper}`}`)
  await say('Login Succeeded!')
  await printLogin(key, credentials, context)
}

async function printLogin(
  { key }: CredentialKey,
  { username }: Partial<Credentials>,
  { globals, stdout }: CommandContext,
): Promise<void> {
  if (globals.json) await printJson(stdout, { registry: key, username })
}

function readLogin(stored: Partial<Credentials> | undefined, { key }: CredentialKey): string {
  if (stored?.username) return stored.username
  throw new TransloadError('UNAUTHENTICATED', `not logged into ${key}`)
}

/** What the flags give; undefined: nothing. */
async function readGivenPassword(values: LoginValues, context: CommandContext): Promise<string | undefined> {
  if (!values.passwordStdin) return values.password
  if (values.password) throw new TransloadError('USAGE', "can't specify both --password-stdin and --password")
  if (!values.username) throw new TransloadError('USAGE', 'must provide --username with --password-stdin')
  return await readAllLines(context)
}

/** An empty answer for the user name keeps the one that is stored. */
async function askForMissing(
  given: { readonly username: string | undefined; readonly password: string | undefined },
  storedUsername: string | undefined,
  context: CommandContext,
): Promise<{ username: string; password: string }> {
  const question = storedUsername ? `Username (${storedUsername}): ` : 'Username: '
  try {
    const username = given.username || (await asking('username', askLine(question, context))) || storedUsername || ''
    return { username, password: given.password || (await asking('password', askSecret('Password: ', context))) }
  } catch (error) {
    throw prefixError('getting username and password', error)
  }
}

async function asking(what: string, answer: Promise<string>): Promise<string> {
  try {
    return await answer
  } catch (error) {
    throw prefixError(`reading ${what}`, error)
  }
}
