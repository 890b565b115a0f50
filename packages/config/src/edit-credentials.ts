import { encodeJson, TransloadError, type OperationOptions } from '@transload/contract'

import { readAuthFile, readAuthJson, readObject, type AuthFile } from './auth-file.ts'
import type { AuthTarget } from './auth-target.ts'
import {
  eraseHelperCredentials,
  isMissingHelper,
  listHelperCredentials,
  storeHelperCredentials,
  type HelperOptions,
} from './credential-helper.ts'
import type { CredentialKey } from './credential-key.ts'
import { dockerServer } from './find-credentials.ts'
import type { Locations } from './locations.ts'
import { replacePrivateFile } from './private-file.ts'
import { authFilesHelper } from './registries-conf.ts'

export interface EditOptions extends OperationOptions {
  /** `credential-helpers` of registries.conf. Default: the file alone, which is also all a `docker` target knows of. */
  readonly credentialHelpers?: readonly string[] | undefined
}

/**
 * Stores a user and password under `key`, in the first of the helpers that takes them: a program, or the file, which in
 * turn may name a helper for the key. Returns the helper's name if it was one. Other members of the file stay as they
 * are. Throws CONFIG_INVALID.
 */
export async function storeCredentials(
  target: AuthTarget,
  key: CredentialKey,
  credentials: { readonly username: string; readonly password: string },
  { env }: Locations,
  options: EditOptions = {},
): Promise<string | undefined> {
  if (target.format === 'docker' && key.repository !== undefined) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `Credentials cannot be recorded in Docker-compatible format with namespaced key "${key.key}"`,
    )
  }
  const problems: TransloadError[] = []
  for (const helper of helpersFor(target, options)) {
    try {
      if (helper === authFilesHelper) return await storeInFile(target, key, credentials, { ...options, env })
      await storeInHelper(helper, key, key.key, credentials, { ...options, env })
      return helper
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!TransloadError.is(error)) throw error
      problems.push(error)
    }
  }
  throw allOf('Errors storing credentials', problems)
}

/**
 * Removes what is stored under exactly `key` by any of the helpers, in the file, and by the helper the file names for
 * it. False when there was nothing. The file is written anew either way. Throws CONFIG_INVALID, having tried all.
 */
export async function removeCredentials(
  target: AuthTarget,
  key: CredentialKey,
  { env }: Locations,
  options: EditOptions = {},
): Promise<boolean> {
  const helperOptions = { ...options, env }
  const outcomes = await eachHelper('errors removing credentials', target, options, async (helper) => {
    if (helper === authFilesHelper) return await removeFromFile(target, key, helperOptions)
    if (key.repository !== undefined) return false
    return await removeFromHelper(helper, key.key, key.key, helperOptions)
  })
  return outcomes.includes(true)
}

/** Removes everything from the helpers, the file and the helpers it names. Throws CONFIG_INVALID, having tried all. */
export async function removeAllCredentials(
  target: AuthTarget,
  { env }: Locations,
  options: EditOptions = {},
): Promise<void> {
  const helperOptions = { ...options, env }
  await eachHelper('errors removing all credentials', target, options, async (helper) => {
    if (helper !== authFilesHelper) {
      const stored = await listHelperCredentials(helper, helperOptions).catch((error: unknown) => {
        if (isMissingHelper(error)) return new Map<string, string>()
        throw error
      })
      for (const server of stored.keys()) await eraseHelperCredentials(helper, server, helperOptions)
      return
    }
    const helpers = (await readTarget(target))?.credentialHelpers ?? new Map<string, string>()
    for (const [server, named] of helpers) {
      await eraseHelperCredentials(named, targetKey(target, server), helperOptions)
    }
    await editAuthJson(target, (json) => ({ ...json, auths: {}, credHelpers: undefined }))
  })
}

function helpersFor({ format }: AuthTarget, { credentialHelpers }: EditOptions): readonly string[] {
  return format === 'docker' || !credentialHelpers ? [authFilesHelper] : credentialHelpers
}

/** The outcomes of `work`; all helpers get their turn before an error is thrown. */
async function eachHelper<T>(
  subject: string,
  target: AuthTarget,
  options: EditOptions,
  work: (helper: string) => Promise<T>,
): Promise<readonly T[]> {
  const outcomes: T[] = []
  const problems: TransloadError[] = []
  for (const helper of helpersFor(target, options)) {
    try {
      outcomes.push(await work(helper))
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!TransloadError.is(error)) throw error
      problems.push(error)
    }
  }
  if (problems.length > 0) throw allOf(subject, problems)
  return outcomes
}

/** One error is itself; several become a list. */
function allOf(subject: string, problems: readonly TransloadError[]): TransloadError {
  const [first, second] = problems
  if (first && !second) return first
  const list = problems.map(({ message }) => message).join('\n\t* ')
  return new TransloadError('CONFIG_INVALID', `${subject}\n\t* ${list}\n`, { cause: first })
}

async function storeInFile(
  target: AuthTarget,
  key: CredentialKey,
  credentials: { readonly username: string; readonly password: string },
  options: HelperOptions,
): Promise<string | undefined> {
  const storedKey = targetKey(target, key.key)
  const helper = (await readTarget(target))?.credentialHelpers.get(key.key)
  if (helper !== undefined) {
    await storeInHelper(helper, key, storedKey, credentials, options)
    return helper
  }
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  await editAuthJson(target, (json, auths) => ({ ...json, auths: { ...auths, [storedKey]: { auth } } }))
  return undefined
}

async function storeInHelper(
  helper: string,
  { repository }: CredentialKey,
  server: string,
  credentials: { readonly username: string; readonly password: string },
  options: HelperOptions,
): Promise<void> {
  if (repository !== undefined) {
    throw new TransloadError('CONFIG_INVALID', `namespaced key is not supported for credential helper ${helper}`)
  }
  await storeHelperCredentials(helper, server, credentials, options)
}

async function removeFromFile(target: AuthTarget, { key }: CredentialKey, options: HelperOptions): Promise<boolean> {
  const file = await readTarget(target)
  const storedKey = targetKey(target, key)
  const helper = file?.credentialHelpers.get(key)
  const wasInHelper = helper !== undefined && (await removeFromHelper(helper, key, storedKey, options))
  await editAuthJson(target, (json, auths) => ({
    ...json,
    auths: Object.fromEntries(Object.entries(auths).filter(([name]) => name !== storedKey)),
  }))
  return wasInHelper || (file?.auths.has(storedKey) ?? false)
}

async function removeFromHelper(helper: string, key: string, server: string, options: HelperOptions): Promise<boolean> {
  try {
    return await eraseHelperCredentials(helper, server, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!TransloadError.is(error)) throw error
    const { code, hint, message } = error
    const prefix = `removing credentials for ${key} from credential helper ${helper}`
    throw new TransloadError(code, `${prefix}: ${message}`, { cause: error, hint })
  }
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
