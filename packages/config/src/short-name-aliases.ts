import { parseDockerReference, repositoryName, TransloadError, type DockerReference } from '@transload/contract'

/** What a short name stands for, and the file that says so. */
export interface ShortNameAlias {
  /** A repository, no tag nor digest. Undefined: an alias of an earlier file is taken back. */
  readonly target: string | undefined
  readonly file: string
}

/** Name → target of one file, checked. Throws CONFIG_INVALID with everything that is wrong, one problem a line. */
export function parseAliases(
  aliases: readonly (readonly [name: string, target: string])[],
  file: string,
): ReadonlyMap<string, ShortNameAlias> {
  const problems: string[] = []
  const checked = aliases.map(([name, target]) => {
    const problem = nameProblem(name)
    if (problem !== undefined) problems.push(problem)
    return [name, { target: target === '' ? undefined : parseTarget(target, problems), file }] as const
  })
  if (problems.length === 0) return new Map(checked)
  throw new TransloadError('CONFIG_INVALID', `validating short-name aliases: ${problems.join('\n')}`)
}

/** Does the text begin with a registry, so that nothing has to be made up? */
export function namesRegistry(text: string): boolean {
  return /^(?:[^/]*[.:][^/]*|localhost)\//.test(text)
}

/** Undefined for a good one. */
function nameProblem(name: string): string | undefined {
  const reference = parseOrProblem(name)
  if (typeof reference === 'string') return `cannot parse short name: ${JSON.stringify(name)}: ${reference}`
  const excess = excessOf(name, reference)
  return excess === undefined ? undefined : `invalid short name ${JSON.stringify(name)}: must not contain ${excess}`
}

function excessOf(name: string, { tag, digest }: DockerReference): string | undefined {
  if (digest !== undefined) return 'digest'
  if (tag !== undefined) return 'tag'
  return namesRegistry(name) ? 'registry' : undefined
}

function parseTarget(target: string, problems: string[]): string | undefined {
  const reference = parseOrProblem(target)
  if (typeof reference === 'string') {
    problems.push(`parsing alias ${JSON.stringify(target)}: ${reference}`)
    return undefined
  }
  const start = `invalid alias ${JSON.stringify(target)}: must`
  if (reference.digest !== undefined) problems.push(`${start} not contain digest`)
  else if (reference.tag !== undefined) problems.push(`${start} not contain tag`)
  else if (!namesRegistry(target)) problems.push(`${start} contain registry and repository`)
  return repositoryName(reference)
}

function parseOrProblem(text: string): DockerReference | string {
  try {
    return parseDockerReference(text)
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    return error.message
  }
}
