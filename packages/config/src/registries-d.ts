import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import { isRoot, systemFile, userFile, type Locations } from './locations.ts'

/** Where signatures of the images in a namespace are; what is absent is said by a wider namespace, or nowhere. */
export interface SignatureStorage {
  /** Base URL for reading, and for writing where there is no `lookasideStaging`. Formerly `sigstore`. */
  readonly lookaside: string | undefined
  /** Base URL for writing. Formerly `sigstore-staging`. */
  readonly lookasideStaging: string | undefined
  /** Whether signatures are attached to the image in the registry. */
  readonly useSigstoreAttachments: boolean | undefined
}

/** All the files of a `registries.d`. */
export interface RegistriesD {
  readonly directory: string
  /** `default-docker` */
  readonly default: SignatureStorage | undefined
  /** Policy scope (`host/path:tag`, `host/path`, `host`, `*.example.com`) → storage. */
  readonly namespaces: ReadonlyMap<string, SignatureStorage>
}

/**
 * Reads `directory` (`--registries.d`), or else the user's, or else the system's (trust.md §4.1); a missing one is
 * empty. Throws CONFIG_INVALID, also for a namespace in two files, and IO.
 */
export async function readRegistriesD(
  locations: Locations,
  { directory: named }: { readonly directory?: string | undefined } = {},
): Promise<RegistriesD> {
  const candidates = named
    ? [named]
    : [userFile(locations, 'registries.d'), systemFile(locations, 'containers', 'registries.d')]
  let fallback: SignatureStorage | undefined
  let fallbackFile = ''
  const namespaces = new Map<string, SignatureStorage>()
  const namespaceFiles = new Map<string, string>()
  for (const directory of candidates) {
    const names = await listYaml(directory)
    if (!names) continue
    for (const name of names) {
      const file = join(directory, name)
      const content = await readFileOf(file)
      if (content.default) {
        if (fallback) throw twice('"default-docker"', fallbackFile, file)
        fallback = content.default
        fallbackFile = file
      }
      for (const [namespace, storage] of content.namespaces) {
        const former = namespaceFiles.get(namespace)
        if (former !== undefined) throw twice(`"docker" namespace ${JSON.stringify(namespace)}`, former, file)
        namespaces.set(namespace, storage)
        namespaceFiles.set(namespace, file)
      }
    }
    return { directory, default: fallback, namespaces }
  }
  return { directory: candidates.at(-1)!, default: undefined, namespaces }
}

/** The base URL of signatures for which nothing is configured. */
export function defaultLookasideUrl(locations: Locations): string {
  const folder = isRoot(locations) ? join(locations.root, 'var/lib') : join(locations.home, '.local/share')
  return pathToFileURL(join(folder, 'containers/sigstore')).href
}

/**
 * The base URL of the signatures of an image with these policy scopes (most specific first); undefined where nothing is
 * configured. Each value is looked up on its own: the first scope that has it wins.
 */
export function lookasideUrl(
  config: RegistriesD,
  policyScopes: readonly string[],
  use: 'read' | 'write',
): string | undefined {
  return firstOf(config, policyScopes, ({ lookaside, lookasideStaging }) =>
    use === 'write' ? lookasideStaging || lookaside : lookaside,
  )
}

/** Whether signatures of an image with these policy scopes are attached to it. Default: no. */
export function usesSigstoreAttachments(config: RegistriesD, policyScopes: readonly string[]): boolean {
  return firstOf(config, policyScopes, ({ useSigstoreAttachments }) => useSigstoreAttachments) ?? false
}

function firstOf<T>(
  { default: fallback, namespaces }: RegistriesD,
  policyScopes: readonly string[],
  read: (storage: SignatureStorage) => T | undefined,
): T | undefined {
  const storages = [...policyScopes.map((scope) => namespaces.get(scope)), fallback]
  return storages.map((storage) => storage && read(storage)).find((value) => value !== undefined)
}

/** Sorted; undefined for a directory that is not there. */
async function listYaml(directory: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort()
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    throw new TransloadError('IO', `open ${directory}: ${systemErrorText(cause)}`, { cause })
  }
}

type FileContent = Pick<RegistriesD, 'default' | 'namespaces'>

async function readFileOf(file: string): Promise<FileContent> {
  const text = (await readConfigFile(file)) ?? ''
  // What distributions ship is comments only, and needs no parser.
  if (!/^[^\S\n]*[^\s#]/m.test(text)) return { default: undefined, namespaces: new Map() }
  const { parse } = await import('yaml')
  let root: unknown
  try {
    root = parse(text, { logLevel: 'error' })
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause)
    throw new TransloadError('CONFIG_INVALID', `parsing ${file}: yaml: ${problem}`, { cause })
  }
  const members = readMapping(root, file)
  const fallback = members['default-docker']
  const namespaces = Object.entries(readMapping(members['docker'], file))
  return {
    default: fallback == null ? undefined : readStorage(fallback, file),
    namespaces: new Map(namespaces.map(([name, storage]) => [name, readStorage(storage, file)])),
  }
}

function readStorage(value: unknown, file: string): SignatureStorage {
  const members = readMapping(value, file)
  const text = (key: string): string | undefined => readScalar(members[key], file) || undefined
  return {
    lookaside: text('lookaside') ?? text('sigstore'),
    lookasideStaging: text('lookaside-staging') ?? text('sigstore-staging'),
    useSigstoreAttachments: readBoolean(members['use-sigstore-attachments'], file),
  }
}

/** Nothing at all is the empty mapping. */
function readMapping(value: unknown, file: string): Readonly<Record<string, unknown>> {
  if (value == null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw mismatch(value, 'a mapping', file)
}

function readScalar(value: unknown, file: string): string | undefined {
  if (value == null) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw mismatch(value, 'a string', file)
}

/** As the other tools: also the words of YAML 1.1. */
function readBoolean(value: unknown, file: string): boolean | undefined {
  if (value == null || typeof value === 'boolean') return value ?? undefined
  if (typeof value === 'string' && /^(?:y|yes|on)$/i.test(value)) return true
  if (typeof value === 'string' && /^(?:n|no|off)$/i.test(value)) return false
  throw mismatch(value, 'a boolean', file)
}

function mismatch(value: unknown, wanted: string, file: string): TransloadError {
  const shown =
    typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : `a ${typeof value}`
  return new TransloadError('CONFIG_INVALID', `parsing ${file}: ${shown} is not ${wanted}`)
}

function twice(what: string, first: string, second: string): TransloadError {
  const message = `Error parsing signature storage configuration: ${what} defined both in ${JSON.stringify(first)} and ${JSON.stringify(second)}`
  return new TransloadError('CONFIG_INVALID', message)
}
