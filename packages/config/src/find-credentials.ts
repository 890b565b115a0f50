import { TransloadError, type Log, type OperationOptions } from '@transload/contract'

import { authFileLocations, readAuthFile, type AuthFile } from './auth-file.ts'
import { readHelperCredentials, type Credentials } from './credential-helper.ts'
import type { Locations } from './locations.ts'
import { authFilesHelper } from './registries-conf.ts'

export interface FindCredentialsOptions extends OperationOptions {
  /** `--authfile`: no other file is read. */
  readonly authFile?: string | undefined
  /** `credential-helpers` of registries.conf, asked in this order. Default: the files alone. */
  readonly credentialHelpers?: readonly string[] | undefined
  readonly log?: Log | undefined
}

/** What credentials are wanted for: `host[:port]`, and in it a namespace or repository. */
export interface CredentialScope {
  readonly host: string
  readonly repository?: string | undefined
}

export interface FoundCredentials {
  readonly credentials: Credentials
  /** The file they are in, or that names the helper; absent for a helper that registries.conf names. */
  readonly file?: string
  readonly helper?: string
}

/**
 * Credentials for `host[:port]` (`docker.io` for Docker Hub) and, in it, the namespace or repository `repository`: of
 * the first of the helpers, which are asked for the host, that has any. The files count as one of these, and the first
 * of them with any decides. In a file: the host's `credHelpers` program, whose word is final; else the longest of
 * `host/a/b`, `host/a`, `host` in `auths`; else a key that is a URL of the host; else, where the other container tools
 * stop and Docker does not, `credsStore`. Throws CONFIG_INVALID for malformed files and failing helpers, if there are no
 * credentials elsewhere, but a failing `credsStore` is only a warning.
 */
export async function findCredentials(
  scope: CredentialScope,
  locations: Locations,
  options: FindCredentialsOptions = {},
): Promise<FoundCredentials | undefined> {
  const { signal, log, credentialHelpers = [authFilesHelper] } = options
  const problems: TransloadError[] = []
  for (const helper of credentialHelpers) {
    signal?.throwIfAborted()
    try {
      const found =
        helper === authFilesHelper
          ? await findInFiles(scope, locations, options)
          : await findInHelper(helper, scope.host, locations, options)
      if (found) return found
    } catch (error) {
      signal?.throwIfAborted()
      if (!TransloadError.is(error)) throw error
      log?.('debug', `Error looking up credentials for ${scope.host} in credential helper ${helper}: ${error.message}`)
      problems.push(error)
    }
  }
  const [first, second] = problems
  if (!second && first) throw first
  if (!first) return undefined
  const list = problems.map(({ message }) => message).join('\n\t* ')
  throw new TransloadError('CONFIG_INVALID', `errors looking up credentials:\n\t* ${list}\n`, { cause: first })
}

/**
 * Reads the files as far as {@link findCredentials} would, asking no helper: a broken one is better known before
 * anything is asked of a registry, which may turn out not to want credentials. Throws CONFIG_INVALID and IO.
 */
export async function checkCredentialFiles(
  { host, repository }: CredentialScope,
  locations: Locations,
  { authFile, credentialHelpers = [authFilesHelper] }: FindCredentialsOptions = {},
): Promise<void> {
  // Elsewhere there may be credentials all the same.
  if (credentialHelpers.length !== 1 || credentialHelpers[0] !== authFilesHelper) return
  for (const location of await authFileLocations(locations, { authFile })) {
    const file = await readAuthFile(location)
    if (file?.credentialHelpers.has(host) || (file && matchingKey(file, host, repository) !== undefined)) return
  }
}

async function findInFiles(
  { host, repository }: CredentialScope,
  locations: Locations,
  options: FindCredentialsOptions,
): Promise<FoundCredentials | undefined> {
  for (const location of await authFileLocations(locations, options)) {
    options.signal?.throwIfAborted()
    const file = await readAuthFile(location)
    const found = file && (await findInFile(file, host, repository, locations, options))
    if (found) return found
  }
  return undefined
}

async function findInHelper(
  helper: string,
  host: string,
  { env }: Locations,
  { signal }: FindCredentialsOptions,
): Promise<FoundCredentials | undefined> {
  const credentials = await readHelperCredentials(helper, host, { env, signal })
  return credentials && { credentials, helper }
}

async function findInFile(
  file: AuthFile,
  host: string,
  repository: string | undefined,
  { env }: Locations,
  { log, signal }: FindCredentialsOptions,
): Promise<FoundCredentials | undefined> {
  const helper = file.credentialHelpers.get(host)
  if (helper !== undefined) {
    const credentials = await readHelperCredentials(helper, host, { env, signal })
    return credentials && { credentials, file: file.path, helper }
  }
  const key = matchingKey(file, host, repository)
  if (key !== undefined) {
    const credentials = decodeEntry(file, key, log)
    return credentials && { credentials, file: file.path }
  }
  const store = file.credentialStore
  if (store === undefined) return undefined
  try {
    const credentials = await readHelperCredentials(store, dockerServer(host), { env, signal })
    return credentials && { credentials, file: file.path, helper: store }
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    // Most images are public: what Docker and the other tools pull without it must not fail here.
    log?.('warn', `credsStore of ${file.path}: ${error.message}`)
    return undefined
  }
}

/** What Docker's helpers know a host by. */
export function dockerServer(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host
}

function matchingKey({ auths, legacy }: AuthFile, host: string, repository: string | undefined): string | undefined {
  for (let key = repository && !legacy ? `${host}/${repository}` : host; ; key = key.slice(0, key.lastIndexOf('/'))) {
    if (auths.has(key)) return key
    if (!key.includes('/')) break
  }
  const wanted = hubHost(host)
  return auths.keys().find((key) => hubHost(keyHost(key, legacy)) === wanted)
}

/** A key without its scheme; cut at the first `/` if it had one, or if the file is one where keys are always hosts. */
function keyHost(key: string, legacy: boolean): string {
  const bare = key.replace(/^https?:\/\//, '')
  return bare === key && !legacy ? key : bare.split('/', 1)[0]!
}

function hubHost(host: string): string {
  return host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host
}

/** Undefined when there is nothing in the entry: a helper keeps the secret, or it was emptied. */
function decodeEntry({ auths, path }: AuthFile, key: string, log: Log | undefined): Credentials | undefined {
  const { auth = '', identityToken } = auths.get(key)!
  const base64 = auth.replaceAll(/[\r\n]/g, '')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw new TransloadError('CONFIG_INVALID', `decoding credentials of "${key}" in ${path}: illegal base64 data`)
  }
  const decoded = Buffer.from(base64, 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 0) {
    if (decoded !== '') log?.('warn', `credentials of "${key}" in ${path} are not USER:PASSWORD: ignored`)
    return undefined
  }
  const username = decoded.slice(0, colon)
  if (identityToken) return { identityToken, username }
  return { username, password: decoded.slice(colon + 1).replace(/\0+$/, '') }
}
