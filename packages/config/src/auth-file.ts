import { access, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { type Log, parseJsonObject, systemErrorText, TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import { readSecret } from './kubernetes-secret.ts'
import type { Locations } from './locations.ts'

/** Where credentials may be. `legacy` is a `.dockercfg`, whose top-level object holds the entries themselves. */
export interface AuthFileLocation {
  readonly path: string
  readonly legacy: boolean
}

/** One `auths` entry as stored: `auth` is base64 of `user:password`. */
export interface AuthEntry {
  readonly auth: string | undefined
  readonly identityToken: string | undefined
}

/** An `auth.json`, a Docker `config.json`, or what a Kubernetes Secret has of either. Nothing is decoded yet: a bad entry harms only who asks for it. */
export interface AuthFile extends AuthFileLocation {
  /** Key (`host`, `host/path`, a URL) → entry. */
  readonly auths: ReadonlyMap<string, AuthEntry>
  /** `host[:port]` → NAME of the program `docker-credential-NAME`. */
  readonly credentialHelpers: ReadonlyMap<string, string>
  /** `credsStore`: the helper for all hosts without an entry of their own. */
  readonly credentialStore: string | undefined
}

/**
 * The files credentials are looked for in, first to last (containers-auth.json(5)). `authFile` (`--authfile`, or else
 * REGISTRY_AUTH_FILE) is exclusive.
 */
export async function authFileLocations(
  locations: Locations,
  options: { readonly authFile?: string | undefined; readonly log?: Log | undefined } = {},
): Promise<readonly AuthFileLocation[]> {
  const { env, home } = locations
  const exclusive = options.authFile || env['REGISTRY_AUTH_FILE']
  // As Kubernetes mounts a Secret of the older type.
  if (exclusive) return [{ path: exclusive, legacy: basename(exclusive) === '.dockercfg' }]
  const runtimeFile = await runtimeAuthFile(locations).catch((error: unknown) => {
    const problem = error instanceof Error ? error.message : String(error)
    options.log?.('warn', `${problem}: Trying to pull image in the event that it is a public image.`)
  })
  const paths = [
    ...(runtimeFile === undefined ? [] : [runtimeFile]),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
    join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
  ]
  const current = [...new Set(paths)].map((path) => ({ path, legacy: false }))
  return [...current, { path: join(home, '.dockercfg'), legacy: true }]
}

/** The file `login` writes by default. Throws CONFIG_INVALID when XDG_RUNTIME_DIR names no directory. */
export async function runtimeAuthFile({ env, home, root, uid, platform }: Locations): Promise<string> {
  if (platform !== 'linux' || uid === undefined) return join(home, '.config', 'containers', 'auth.json')
  const directory = env['XDG_RUNTIME_DIR']
  if (!directory) return join(root, 'run', 'containers', String(uid), 'auth.json')
  try {
    await stat(directory)
  } catch (cause) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `${JSON.stringify(directory)} directory set by $XDG_RUNTIME_DIR does not exist. ` +
        `Either create the directory or unset $XDG_RUNTIME_DIR.: faccessat ${directory}: ${systemErrorText(cause)}`,
      { cause },
    )
  }
  return join(directory, 'containers', 'auth.json')
}

/** Throws CONFIG_INVALID unless the file is there, as `logout` asks of one named by the user. */
export async function checkAuthFile(path: string): Promise<void> {
  try {
    await access(path)
  } catch (cause) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `credential file is not accessible: faccessat ${path}: ${systemErrorText(cause)}`,
      { cause },
    )
  }
}

/** Undefined when there is no such file. Throws CONFIG_INVALID when it is malformed, IO when it cannot be read. */
export async function readAuthFile(location: AuthFileLocation): Promise<AuthFile | undefined> {
  const { path } = location
  const text = await readConfigFile(path)
  if (text === undefined) return undefined
  const secret = await readSecret(text, path)
  const legacy = secret?.legacy ?? location.legacy
  const json = parseAuthJson(secret?.text ?? text, path)
  const entries = legacy ? json : readObject(json['auths'], path, 'auths')
  const auths = Object.entries(entries).map(([key, value]) => {
    const entry = readObject(value, path, key)
    return [
      key,
      {
        auth: readText(entry['auth'], path, `${key}.auth`),
        identityToken: readText(entry['identitytoken'], path, `${key}.identitytoken`),
      },
    ] as const
  })
  const helpers = legacy ? {} : readObject(json['credHelpers'], path, 'credHelpers')
  return {
    path,
    legacy,
    auths: new Map(auths),
    credentialHelpers: new Map(
      Object.entries(helpers).map(([key, value]) => [key, readText(value, path, `credHelpers.${key}`) ?? '']),
    ),
    credentialStore: legacy ? undefined : readText(json['credsStore'], path, 'credsStore') || undefined,
  }
}

/**
 * The file as JSON, for whoever edits it; undefined when there is none. Throws as {@link readAuthFile} does, and
 * CONFIG_INVALID for a Kubernetes Secret and for a `.dockercfg`, which are read only.
 */
export async function readAuthJson(path: string): Promise<Record<string, unknown> | undefined> {
  if (basename(path) === '.dockercfg') throw readOnly(path, 'is in the format of .dockercfg')
  const text = await readConfigFile(path)
  if (text === undefined) return undefined
  if (await readSecret(text, path)) throw readOnly(path, 'is a Kubernetes Secret')
  return parseAuthJson(text, path)
}

function parseAuthJson(text: string, path: string): Record<string, unknown> {
  return parseJsonObject(text, `${malformedPrefix(path)}content`, 'CONFIG_INVALID')
}

function readOnly(path: string, problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `${path} ${problem}: credentials are read from it, not written to it`, {
    hint: 'Name another file with --authfile.',
  })
}

/** Absent and null are the empty object. */
export function readObject(value: unknown, path: string, subject: string): Record<string, unknown> {
  if (value == null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed(path, `${subject} is not an object`)
  return value as Record<string, unknown>
}

function readText(value: unknown, path: string, subject: string): string | undefined {
  if (value == null) return undefined
  if (typeof value !== 'string') throw malformed(path, `${subject} is not a string`)
  return value
}

function malformed(path: string, problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `${malformedPrefix(path)}${problem}`)
}

function malformedPrefix(path: string): string {
  return `reading JSON file ${JSON.stringify(path)}: unmarshaling JSON at ${JSON.stringify(path)}: `
}
