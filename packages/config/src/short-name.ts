import { join } from 'node:path'

import { parseDockerReference, TransloadError, withDefaultTag, type DockerReference } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import type { Locations } from './locations.ts'
import type { RegistriesConf } from './registries-conf.ts'
import { namesRegistry, type ShortNameAlias } from './short-name-aliases.ts'

/** What a name may mean. */
export interface ShortNameResolution {
  /** Fully qualified, with the tag or digest that was given, else `latest`; to be tried in this order. */
  readonly candidates: readonly DockerReference[]
  /** The file that decided; undefined for a name that has its registry. */
  readonly file: string | undefined
  /**
   * `all`: try them in turn. `ask`: on a terminal let the user choose one; without a terminal try them in turn if the mode
   * is `permissive`, and give up if it is `enforcing`.
   */
  readonly choice: 'all' | 'ask'
}

/**
 * A name without a registry (registry-client.md §7.3): what an alias says, a `learned` one before those of the
 * configuration; else one candidate for each registry to search. Throws REFERENCE_INVALID, and CONFIG_INVALID when
 * there is neither.
 */
export function resolveShortName(
  conf: RegistriesConf,
  name: string,
  learned: ReadonlyMap<string, ShortNameAlias> = new Map(),
): ShortNameResolution {
  const typed = parseDockerReference(name)
  if (namesRegistry(name)) return { candidates: [withDefaultTag(typed)], file: undefined, choice: 'all' }
  const [bare = name] = name.split(/[:@]/, 1)
  const candidate = (repository: string): DockerReference => {
    const { domain, path } = parseDockerReference(repository)
    return withDefaultTag({ ...typed, domain, path })
  }
  const alias = learned.get(bare) ?? conf.aliases.get(bare)
  if (alias?.target !== undefined) return { candidates: [candidate(alias.target)], file: alias.file, choice: 'all' }
  const file = conf.unqualifiedSearchFile
  const candidates = conf.unqualifiedSearchRegistries.map((host) => candidate(`${host}/${bare}`))
  if (candidates.length === 0) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `short-name ${JSON.stringify(name)} did not resolve to an alias and no unqualified-search registries are defined in ${JSON.stringify(file)}`,
      { hint: 'Write the registry before the name, as in docker.io/library/NAME.' },
    )
  }
  return { candidates, file, choice: conf.shortNameMode === 'disabled' || candidates.length === 1 ? 'all' : 'ask' }
}

/** The aliases Podman remembers of what its user chose; none if there is no such file. Throws CONFIG_INVALID and IO. */
export async function readLearnedAliases(locations: Locations): Promise<ReadonlyMap<string, ShortNameAlias>> {
  const { env, home, root, uid } = locations
  const cache = uid === 0 ? join(root, 'var', 'cache') : env['XDG_CACHE_HOME'] || join(home, '.cache')
  const file = join(cache, 'containers', 'short-name-aliases.conf')
  const text = await readConfigFile(file)
  if (text === undefined) return new Map()
  const { parseAliasFile } = await import('./registries-file.ts')
  try {
    return parseAliasFile(text, file)
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    const message = `loading short-name aliases config file ${JSON.stringify(file)}: ${cause.message}`
    throw new TransloadError('CONFIG_INVALID', message, { cause })
  }
}
