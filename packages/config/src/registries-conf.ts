import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import { readAliasLines } from './alias-lines.ts'
import { readConfigFile } from './config-file.ts'
import { systemFile, userFile, type Locations } from './locations.ts'
import type { RegistriesFile, ShortNameMode } from './registries-file.ts'
import { byPrefix, type RegistryEntry } from './registry-entry.ts'
import { parseAliases, type ShortNameAlias } from './short-name-aliases.ts'

/** What `registries.conf` and its drop-ins say together (registry-client.md §7.1). */
export interface RegistriesConf {
  /** The main file, whether it is there or not. */
  readonly file: string
  /** The last of the directories drop-ins are taken from; messages name it. */
  readonly dropInDirectory: string
  /** By prefix, each once. */
  readonly registries: readonly RegistryEntry[]
  /** `host[:port]` of those a short name may be of, in order. */
  readonly unqualifiedSearchRegistries: readonly string[]
  /** The file that named them. */
  readonly unqualifiedSearchFile: string
  /** Where credentials are looked for, in order: `authFilesHelper` or the NAME of a `docker-credential-NAME`. */
  readonly credentialHelpers: readonly string[]
  readonly shortNameMode: ShortNameMode
  /** Short name → what it stands for. */
  readonly aliases: ReadonlyMap<string, ShortNameAlias>
}

/** The entry of `credential-helpers` that stands for the credential files. */
export const authFilesHelper = 'containers-auth.json'

/**
 * Reads `registriesFile` (`--registries-conf`), which must be there, or else the user's file, or else the system's,
 * which may be absent; then the drop-ins, by name: the system's, unless the user has a file, and the user's. Throws
 * CONFIG_INVALID naming the file, and IO.
 */
export async function readRegistriesConf(
  locations: Locations,
  { registriesFile }: { readonly registriesFile?: string | undefined } = {},
): Promise<RegistriesConf> {
  const systemDirectory = systemFile(locations, 'containers', 'registries.conf.d')
  const userDirectory = userFile(locations, 'registries.conf.d')
  const [main, systemNames, userNames] = await Promise.all([
    readMain(locations, registriesFile),
    listDropIns(systemDirectory),
    listDropIns(userDirectory),
  ])
  const dropIns = main.isUsers ? userNames : [...systemNames, ...userNames]
  const files = [
    ...(main.text === undefined ? [] : [await parse(main.text, main.file, false)]),
    ...(await Promise.all(dropIns.map(readDropIn))).filter(isSaid),
  ]
  const search = files.findLast((file) => file.unqualifiedSearchRegistries !== undefined)
  const helpers = files.map((file) => file.credentialHelpers).findLast(isSaid) ?? []
  return {
    file: main.file,
    dropInDirectory: userDirectory,
    registries: byPrefix(files.flatMap((file) => file.registries)),
    unqualifiedSearchRegistries: search?.unqualifiedSearchRegistries ?? [],
    unqualifiedSearchFile: search?.file ?? main.file,
    credentialHelpers: helpers.length === 0 ? [authFilesHelper] : helpers,
    shortNameMode: files.map((file) => file.shortNameMode).findLast(isSaid) ?? 'permissive',
    aliases: new Map(files.flatMap((file) => file.aliases.entries().toArray())),
  }
}

function isSaid<T>(value: T | undefined): value is T {
  return value !== undefined
}

interface MainFile {
  readonly file: string
  readonly text: string | undefined
  readonly isUsers: boolean
}

async function readMain(locations: Locations, named: string | undefined): Promise<MainFile> {
  if (named) {
    const text = await readConfigFile(named)
    if (text !== undefined) return { file: named, text, isUsers: false }
    throw invalid('', named, `open ${named}: no such file or directory`)
  }
  const users = userFile(locations, 'registries.conf')
  const usersText = await readConfigFile(users)
  if (usersText !== undefined) return { file: users, text: usersText, isUsers: true }
  const file = systemFile(locations, 'containers', 'registries.conf')
  return { file, text: await readConfigFile(file), isUsers: false }
}

async function listDropIns(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.conf'))
    return names.map(({ name }) => join(directory, name)).sort()
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return []
    const problem = `reading registries.conf.d: open ${directory}: ${systemErrorText(cause)}`
    throw new TransloadError('IO', problem, { cause })
  }
}

/** Undefined for a file that went away since it was listed. */
async function readDropIn(file: string): Promise<RegistriesFile | undefined> {
  const text = await readConfigFile(file)
  return text === undefined ? undefined : await parse(text, file, true)
}

/** The files of a fresh installation have comments only, or aliases: those need no TOML parser, which takes long to load. */
async function parse(text: string, file: string, isDropIn: boolean): Promise<RegistriesFile> {
  if (!/^[^\S\n]*[^\s#]/m.test(text)) return { file, registries: [], aliases: new Map() }
  try {
    const aliases = readAliasLines(text)
    if (aliases) return { file, registries: [], aliases: parseAliases(aliases, file) }
    const { parseRegistriesFile } = await import('./registries-file.ts')
    return parseRegistriesFile(text, file, { allowsVersion1: !isDropIn })
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw invalid(isDropIn ? 'drop-in ' : '', file, cause.message)
  }
}

function invalid(kind: '' | 'drop-in ', file: string, problem: string): TransloadError {
  const message = `loading ${kind}registries configuration ${JSON.stringify(file)}: ${problem}`
  return new TransloadError('CONFIG_INVALID', message)
}
