import { randomUUID } from 'node:crypto'
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { encodeJson, systemErrorCode, TransloadError, type OperationOptions } from '@transload/contract'

import { readAuthFile, readAuthJson, readObject, runtimeAuthFile, type AuthFile } from './auth-file.ts'
import { systemErrorText } from './config-file.ts'
import { eraseHelperCredentials, storeHelperCredentials } from './credential-helper.ts'
import type { CredentialKey } from './credential-key.ts'
import { dockerServer } from './find-credentials.ts'
import type { Locations } from './locations.ts'

/** The file `login` and `logout` edit. `docker` files take hosts only, and the Hub under the URL Docker uses. */
export interface AuthTarget {
  readonly path: string
  readonly format: 'containers' | 'docker'
}

export interface AuthTargetOptions {
  /** `--authfile` */
  readonly authFile?: string | undefined
  /** `--compat-auth-file` */
  readonly compatAuthFile?: string | undefined
}

/** In order: the options, REGISTRY_AUTH_FILE, DOCKER_CONFIG, the file in the user's runtime directory. Throws USAGE. */
export async function authTarget(locations: Locations, options: AuthTargetOptions = {}): Promise<AuthTarget> {
  const { authFile, compatAuthFile } = options
  const { REGISTRY_AUTH_FILE: environmentFile, DOCKER_CONFIG: dockerDirectory } = locations.env
  if (authFile && compatAuthFile) {
    throw new TransloadError(
      'USAGE',
      'options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously',
    )
  }
  if (authFile) return { path: authFile, format: 'containers' }
  if (compatAuthFile) return { path: compatAuthFile, format: 'docker' }
  if (environmentFile) return { path: environmentFile, format: 'containers' }
  if (dockerDirectory) return { path: join(dockerDirectory, 'config.json'), format: 'docker' }
  return { path: await runtimeAuthFile(locations), format: 'containers' }
}

/**
 * Stores a user and password under `key`, in the file or in the helper the file names for the key. Returns the helper's
 * name if one took them. Other members of the file stay as they are. Throws CONFIG_INVALID.
 */
export async function storeCredentials(
  target: AuthTarget,
  { key, repository }: CredentialKey,
  credentials: { readonly username: string; readonly password: string },
  { env }: Locations,
  options: OperationOptions = {},
): Promise<string | undefined> {
  if (target.format === 'docker' && repository !== undefined) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `Credentials cannot be recorded in Docker-compatible format with namespaced key "${key}"`,
    )
  }
  const storedKey = targetKey(target, key)
  const helper = (await readTarget(target))?.credentialHelpers.get(key)
  if (helper !== undefined) {
    await storeHelperCredentials(helper, storedKey, credentials, { ...options, env })
    return helper
  }
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  await editAuthJson(target, (json, auths) => ({ ...json, auths: { ...auths, [storedKey]: { auth } } }))
  return undefined
}

/**
 * Removes what is stored under exactly `key`, also by the helper the file names for it. False when there was nothing.
 * The file is written anew either way.
 */
export async function removeCredentials(
  target: AuthTarget,
  { key }: CredentialKey,
  { env }: Locations,
  options: OperationOptions = {},
): Promise<boolean> {
  const file = await readTarget(target)
  const storedKey = targetKey(target, key)
  const helper = file?.credentialHelpers.get(key)
  const wasInHelper = helper !== undefined && (await eraseHelperCredentials(helper, storedKey, { ...options, env }))
  await editAuthJson(target, (json, auths) => ({
    ...json,
    auths: Object.fromEntries(Object.entries(auths).filter(([name]) => name !== storedKey)),
  }))
  return wasInHelper || (file?.auths.has(storedKey) ?? false)
}

/** Removes everything from the file and from the helpers it names. */
export async function removeAllCredentials(
  target: AuthTarget,
  { env }: Locations,
  options: OperationOptions = {},
): Promise<void> {
  const helpers = (await readTarget(target))?.credentialHelpers ?? new Map<string, string>()
  for (const [key, helper] of helpers) {
    await eraseHelperCredentials(helper, targetKey(target, key), { ...options, env })
  }
  await editAuthJson(target, (json) => ({ ...json, auths: {}, credHelpers: undefined }))
}

async function readTarget({ path }: AuthTarget): Promise<AuthFile | undefined> {
  return await readAuthFile({ path, legacy: false })
}

function targetKey({ format }: AuthTarget, key: string): string {
  return format === 'docker' ? dockerServer(key) : key
}

type Json = Readonly<Record<string, unknown>>

async function editAuthJson(
  { path }: AuthTarget,
  edit: (json: Json, auths: Json) => Json & { readonly auths: Json },
): Promise<void> {
  const json = (await readAuthJson(path)) ?? {}
  const edited = edit(json, readObject(json['auths'], path, 'auths'))
  await replacePrivateFile(path, encodeJson(sorted({ ...edited, auths: sorted(edited.auths) }), '\t'))
}

/** By name, as the other tools write them. */
function sorted(object: Json): Json {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Atomic; mode 0600, new directories 0700. A symbolic link stays: what it points to is replaced. Throws IO. */
async function replacePrivateFile(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const target = await realpath(path).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return path
      throw error
    })
    const temporary = `${target}.${randomUUID()}.tmp`
    try {
      await using file = await open(temporary, 'wx', 0o600)
      await file.writeFile(content)
      await file.datasync()
      await rename(temporary, target)
    } finally {
      await rm(temporary, { force: true })
    }
  } catch (cause) {
    throw new TransloadError('IO', `writing file ${JSON.stringify(path)}: ${systemErrorText(cause)}`, { cause })
  }
}
