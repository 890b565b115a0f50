import { refusal } from './refusal.ts'

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryGrammar = new RegExp(`^${component}(?:/${component})*$`)
const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** A repository and a tag in it. */
export interface TagName {
  readonly repository: string
  readonly tag: string
}

/** OCI distribution spec 1.1 `<name>`, at most 255 characters as the field's tools allow. */
export function isRepositoryName(text: string): boolean {
  return text.length <= 255 && repositoryGrammar.test(text)
}

export function isTag(text: string): boolean {
  return tagGrammar.test(text)
}

/** Throws a NAME_INVALID refusal. */
export function parseRepositoryName(text: string): string {
  if (!isRepositoryName(text)) throw refusal('NAME_INVALID', `invalid repository name ${JSON.stringify(text)}`)
  return text
}

/**
 * What an index entry's `org.opencontainers.image.ref.name` is called by the registry: `REPOSITORY:TAG` as it says,
 * a bare `TAG` in `defaultRepository`, anything else nothing.
 */
export function parseRefName(refName: string, defaultRepository: string): TagName | undefined {
  const colon = refName.lastIndexOf(':')
  const repository = colon < 0 ? defaultRepository : refName.slice(0, colon)
  const tag = refName.slice(colon + 1)
  return isRepositoryName(repository) && isTag(tag) ? { repository, tag } : undefined
}
