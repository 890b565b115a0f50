import { TransloadError } from '@transload/contract'

import { byPrefix, type MirrorEntry, type RegistryEntry } from './registry-entry.ts'
import { parseAliases, type ShortNameAlias } from './short-name-aliases.ts'
import { parseToml, readBoolean, readTable, readTables, readText, readTexts, type Table } from './toml-table.ts'

/** Asking for a short name that is not an alias: `enforcing` and `permissive` let a person choose, where there is one. */
export type ShortNameMode = 'enforcing' | 'permissive' | 'disabled'

/** One `registries.conf`: what it does not say is absent. */
export interface RegistriesFile {
  readonly file: string
  /** By prefix, each once: of several the first. */
  readonly registries: readonly RegistryEntry[]
  readonly unqualifiedSearchRegistries?: readonly string[]
  readonly credentialHelpers?: readonly string[]
  readonly shortNameMode?: ShortNameMode
  readonly aliases: ReadonlyMap<string, ShortNameAlias>
}

/**
 * Parses a `registries.conf`, of version 1 only where that is allowed (registry-client.md §7.1, §7.2). Unknown keys are
 * ignored, as the other tools do. Throws CONFIG_INVALID without the name of the file.
 */
export function parseRegistriesFile(
  text: string,
  file: string,
  { allowsVersion1 }: { readonly allowsVersion1: boolean },
): RegistriesFile {
  const root = parseToml(text)
  const current = isVersion1(root) ? convertVersion1(root, allowsVersion1) : root
  const registries = readTables(current, 'registry').map(readRegistry)
  checkConflicts(registries)
  const search = readTexts(current, 'unqualified-search-registries')?.map(checkSearchRegistry)
  const helpers = readTexts(current, 'credential-helpers')
  const mode = readShortNameMode(current)
  const odd = registries.find(({ prefix }) => prefix.startsWith('*.') && /[/@:]/.test(prefix))
  if (odd) {
    const form = 'Wildcarded prefix should be in the format: *.example.com. Current prefix'
    throw invalid(`${form} ${JSON.stringify(odd.prefix)} is incorrectly formatted`)
  }
  return {
    file,
    registries: byPrefix(registries.toReversed()),
    ...(search === undefined ? {} : { unqualifiedSearchRegistries: search }),
    ...(helpers === undefined ? {} : { credentialHelpers: helpers }),
    ...(mode === undefined ? {} : { shortNameMode: mode }),
    aliases: readAliases(current, file),
  }
}

/** Just the `[aliases]` of a file that has nothing else, as Podman writes it. Throws CONFIG_INVALID. */
export function parseAliasFile(text: string, file: string): ReadonlyMap<string, ShortNameAlias> {
  return readAliases(parseToml(text), file)
}

function readRegistry(table: Table): RegistryEntry {
  const location = trimLocation(readText(table, 'location', 'registry') ?? '')
  const prefix = trimLocation(readText(table, 'prefix', 'registry') ?? '') || location
  if (prefix === '') throw invalid('invalid condition: both location and prefix are unset')
  if (location === '' && !prefix.startsWith('*.')) {
    throw invalid('invalid condition: location is unset and prefix is not in the format: *.example.com')
  }
  if (readText(table, 'pull-from-mirror', 'registry')) {
    throw invalid(`pull-from-mirror must not be set for a non-mirror registry ${JSON.stringify(prefix)}`)
  }
  const isByDigestOnly = readBoolean(table, 'mirror-by-digest-only', 'registry')
  return {
    prefix,
    location: location || undefined,
    insecure: readBoolean(table, 'insecure', 'registry'),
    blocked: readBoolean(table, 'blocked', 'registry'),
    mirrors: readTables(table, 'mirror', 'registry').map((mirror) => readMirror(mirror, prefix, isByDigestOnly)),
  }
}

function readMirror(table: Table, prefix: string, isByDigestOnly: boolean): MirrorEntry {
  const location = trimLocation(readText(table, 'location', 'registry.mirror') ?? '')
  if (location === '') throw invalid('invalid condition: mirror location is unset')
  const pulls = readText(table, 'pull-from-mirror', 'registry.mirror') ?? ''
  if (isByDigestOnly && pulls !== '') {
    const [registry, mirror] = [JSON.stringify(prefix), JSON.stringify(location)]
    throw invalid(
      `cannot set mirror usage mirror-by-digest-only for the registry (${registry}) and pull-from-mirror for per-mirror (${mirror}) at the same time`,
    )
  }
  if (pulls !== '' && pulls !== 'all' && pulls !== 'digest-only' && pulls !== 'tag-only') {
    throw invalid(`unsupported pull-from-mirror value ${JSON.stringify(pulls)} for mirror ${JSON.stringify(location)}`)
  }
  const insecure = readBoolean(table, 'insecure', 'registry.mirror')
  return { location, insecure, pulls: isByDigestOnly ? 'digest-only' : pulls || 'all' }
}

/** A location may be in several tables, which then have to agree on what may be done with it. */
function checkConflicts(registries: readonly RegistryEntry[]): void {
  const first = new Map<string, RegistryEntry>()
  for (const entry of registries) {
    const key = entry.location ?? entry.prefix
    const other = first.get(key)
    if (!other) first.set(key, entry)
    for (const setting of ['insecure', 'blocked'] as const) {
      if (!other || other[setting] === entry[setting]) continue
      throw invalid(
        `registry '${entry.location ?? ''}' is defined multiple times with conflicting '${setting}' setting`,
      )
    }
  }
}

function trimLocation(text: string): string {
  if (/^https?:\/\//.test(text)) throw invalid(`invalid location '${text}': URI schemes are not supported`)
  return text.replace(/\/+$/, '')
}

function checkSearchRegistry(text: string): string {
  const host = trimLocation(text)
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
  if (new RegExp(`^${label}(?:\\.${label})*(?::\\d+)?$`).test(host)) return host
  throw invalid(`Invalid unqualified-search-registries entry ${JSON.stringify(host)}`)
}

function readShortNameMode(root: Table): ShortNameMode | undefined {
  const mode = readText(root, 'short-name-mode') ?? ''
  if (mode === '') return undefined
  if (mode === 'enforcing' || mode === 'permissive' || mode === 'disabled') return mode
  throw invalid(`invalid short-name mode: ${JSON.stringify(mode)}`)
}

function readAliases(root: Table, file: string): ReadonlyMap<string, ShortNameAlias> {
  const table = readTable(root, 'aliases')
  const aliases = Object.keys(table).map((name) => [name, readText(table, name, 'aliases') ?? ''] as const)
  return parseAliases(aliases, file)
}

function isVersion1(root: Table): boolean {
  const lists = readTable(root, 'registries')
  return ['search', 'insecure', 'block'].some((name) => readVersion1List(lists, name) !== undefined)
}

/** `[registries.search]`, `[registries.insecure]` and `[registries.block]` as the version that took their place. */
function convertVersion1(root: Table, isAllowed: boolean): Table {
  if (!isAllowed) throw invalid('registry must be in v2 format but is in v1')
  const version2 = ['registry', 'unqualified-search-registries', 'credential-helpers', 'short-name-mode', 'aliases']
  const mixed = version2.find((key) => root[key] !== undefined)
  if (mixed !== undefined) {
    throw invalid(`mixing sysregistry v1/v2 is not supported: ${JSON.stringify(mixed)} beside "registries"`)
  }
  const lists = readTable(root, 'registries')
  const [insecure, blocked] = ['insecure', 'block'].map(
    (name) => new Set((readVersion1List(lists, name) ?? []).map(trimLocation)),
  ) as [Set<string>, Set<string>]
  const locations = [...blocked.union(insecure)]
  return {
    registry: locations.map((location) => ({
      location,
      insecure: insecure.has(location),
      blocked: blocked.has(location),
    })),
    'unqualified-search-registries': readVersion1List(lists, 'search'),
  }
}

function readVersion1List(lists: Table, name: string): readonly string[] | undefined {
  return readTexts(readTable(lists, name, 'registries'), 'registries', `registries.${name}`)
}

function invalid(message: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', message)
}
