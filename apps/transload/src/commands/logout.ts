import {
  authTarget,
  checkAuthFile,
  parseCredentialKey,
  removeAllCredentials,
  removeCredentials,
  type AuthTarget,
  type CredentialKey,
} from '@transload/config'
import { TransloadError } from '@transload/contract'

import { boolFlag, stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { areValidCredentials, type RegistryFlags } from '../registry-credentials.ts'
import { findStoredCredentials } from '../stored-credentials.ts'

const flags = {
  logout: {
    all: boolFlag('all', 'Remove the cached credentials for all registries in the auth file', { short: 'a' }),
    authfile: stringFlag(
      'authfile',
      'path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override',
    ),
    compatAuthFile: stringFlag('compat-auth-file', 'path of a Docker-compatible config file to update instead'),
    tlsVerify: boolFlag('tls-verify', 'require HTTPS and verify certificates when accessing the registry'),
  },
}

export const logout = defineCommand({
  name: 'logout',
  description: 'Logout of a container registry on a specified server.',
  operands: 'REGISTRY',
  examples: ['logout quay.io', 'logout --all'],
  flags,
  positionals: { least: 0, most: 1, problem: 'logout accepts only one registry to log out from' },
  run: runLogout,
})

async function runLogout(
  { logout: values }: GroupValues<typeof flags>,
  [registry]: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { locations, log, signal, stdout, globals, registries } = context
  const { all = false, authfile: authFile, compatAuthFile } = values
  const target = await authTarget(locations, { authFile, compatAuthFile, log })
  if (authFile ?? compatAuthFile) await checkAuthFile(target.path)
  const readHelpers = async (): Promise<readonly string[]> => (await registries.readConf()).credentialHelpers
  if (all) {
    if (registry !== undefined) throw new TransloadError('USAGE', '--all takes no arguments')
    await removeAllCredentials(target, locations, { credentialHelpers: await readHelpers(), signal })
    const line = 'Removed login credentials for all registries\n'
    return await (globals.json ? printJson(stdout, { registry: 'all' }) : print(stdout, line))
  }
  if (registry === undefined) throw new TransloadError('USAGE', 'please provide a registry to log out from')
  const key = parseCredentialKey(registry)
  const remove = async (): Promise<boolean> =>
    await removeCredentials(target, key, locations, { credentialHelpers: await readHelpers(), signal })
  const wasRemoved = await remove().catch((error: unknown) => {
    signal.throwIfAborted()
    throw prefixError(`logging out of ${JSON.stringify(key.key)}`, error)
  })
  if (wasRemoved) {
    const line = `Removed login credentials for ${key.key}\n`
    return await (globals.json ? printJson(stdout, { registry: key.key }) : print(stdout, line))
  }
  if (!(await isLoggedInElsewhere(key, target, values, context))) {
    throw new TransloadError('UNAUTHENTICATED', `not logged into ${key.key}`)
  }
  await print(
    globals.json ? context.stderr : stdout,
    `Not logged into ${key.key} with current tool. Existing credentials were established via docker login. Please use docker logout instead.\n`,
  )
}

async function isLoggedInElsewhere(
  key: CredentialKey,
  { isExclusive, path }: AuthTarget,
  values: RegistryFlags,
  context: CommandContext,
): Promise<boolean> {
  const found = await findStoredCredentials(key, context, {
    authFile: isExclusive ? path : undefined,
    prefix: 'get credentials',
  })
  return found !== undefined && (await areValidCredentials(found.credentials, key, values, context))
}
