import {
  canonicalText,
  parseDockerReference,
  repositoryName,
  TransloadError,
  type DockerReference,
} from '@transload/contract'

import type { RegistriesConf } from './registries-conf.ts'
import type { MirrorEntry, RegistryEntry } from './registry-entry.ts'

/** Where an image is asked for, and how. */
export interface PullSource {
  /** The user's reference, its prefix replaced by the location. */
  readonly reference: DockerReference
  /** Certificates are not verified, and plain http will do. */
  readonly insecure: boolean
}

/**
 * The `[[registry]]` for `host[:port][/path]`: the one with the longest prefix that is the name, or ends in it before a
 * `/` or, like in the other tools, the `:` of a port. `*.example.com` is for all hosts below that one.
 */
export function findRegistry({ registries }: RegistriesConf, name: string): RegistryEntry | undefined {
  let found: RegistryEntry | undefined
  for (const entry of registries) {
    if (matchLength(name, entry.prefix) === undefined) continue
    if (!found || entry.prefix.length > found.prefix.length) found = entry
  }
  return found
}

/**
 * Where to read an image, in this order: the mirrors that are for such a reference, then the location itself; the
 * reference as it is if nothing is configured for it. Throws REFERENCE_INVALID for a location that makes no name.
 */
export function pullSources(conf: RegistriesConf, reference: DockerReference): readonly PullSource[] {
  const entry = findRegistry(conf, repositoryName(reference))
  if (!entry) return [{ reference, insecure: false }]
  const { prefix, location, insecure } = entry
  const unwanted: MirrorEntry['pulls'] = reference.digest === undefined ? 'digest-only' : 'tag-only'
  const mirrors = entry.mirrors.filter(({ pulls }) => pulls !== unwanted)
  return [...mirrors, { location, insecure }].map((place) => ({
    reference: place.location === undefined ? reference : relocate(reference, prefix, place.location),
    insecure: place.insecure,
  }))
}

/** A pull source, or what is written to, with why that may not be used. */
export interface RegistryEndpoint extends PullSource {
  readonly blocked: string | undefined
}

/**
 * What the registry transport asks for each image: to `read` it, its pull sources, each of which may be blocked by an
 * entry of its own; to `manage` it (write, remove, list tags), the reference itself, which no location replaces.
 */
export function registryEndpoints(
  conf: RegistriesConf,
  reference: DockerReference,
  use: 'read' | 'manage',
): readonly RegistryEndpoint[] {
  const insecure = findRegistry(conf, repositoryName(reference))?.insecure ?? false
  const sources = use === 'read' ? pullSources(conf, reference) : [{ reference, insecure }]
  return sources.map((source) => ({
    reference: source.reference,
    insecure: source.insecure,
    blocked: blockedReason(conf, repositoryName(source.reference)),
  }))
}

/** Why nothing may be asked of `host[:port][/path]`, if that is so. */
export function blockedReason(conf: RegistriesConf, name: string): string | undefined {
  const entry = findRegistry(conf, name)
  if (!entry?.blocked) return undefined
  return `registry ${entry.prefix} is blocked in ${conf.file} or ${conf.dropInDirectory}`
}

/** How much of `name` the prefix stands for; undefined: it is not a prefix of it. */
function matchLength(name: string, prefix: string): number | undefined {
  let length = prefix.length
  if (prefix.startsWith('*.')) {
    const start = name.indexOf(prefix.slice(1))
    if (start < 0 || name.slice(0, start).includes('/')) return undefined
    length = start + prefix.length - 1
  } else if (!name.startsWith(prefix)) return undefined
  return length === name.length || /[:/@]/.test(name[length]!) ? length : undefined
}

function relocate(reference: DockerReference, prefix: string, location: string): DockerReference {
  const text = canonicalText(reference)
  const moved = `${location}${text.slice(matchLength(text, prefix))}`
  try {
    const parsed = parseDockerReference(moved)
    if (canonicalText(parsed) === moved) return parsed
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw new TransloadError('REFERENCE_INVALID', `rewriting reference: ${cause.message}`, { cause })
  }
  throw new TransloadError('REFERENCE_INVALID', 'rewriting reference: repository name must be canonical')
}
