import { parseDigest, type Digest } from './digest.ts'
import { TransloadError } from './errors.ts'

/** A canonical Docker reference: `domain/path[:tag][@digest]` with the defaults filled in. */
export interface DockerReference {
  /** `host[:port]`; `docker.io` when the user named none. */
  readonly domain: string
  readonly path: string
  readonly tag?: string
  readonly digest?: Digest
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const domain = `${label}(?:\\.${label})*(?::[0-9]+)?`
const grammar = new RegExp(
  `^(?<domain>${domain})/(?<path>${component}(?:/${component})*)` +
    `(?::(?<tag>[\\w][\\w.-]{0,127}))?` +
    `(?:@(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
)

const prefixGrammar = new RegExp(`^${domain}(?:/${component})*$`)

/**
 * What a user types → the canonical reference (`busybox` → `docker.io/library/busybox`). Adds no tag.
 * Throws REFERENCE_INVALID with the texts scripts match.
 */
export function parseDockerReference(text: string): DockerReference {
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  }
  const canonical = normalize(text)
  const match = grammar.exec(canonical)?.groups as
    | { domain: string; path: string; tag?: string; digest?: string }
    | undefined
  if (!match) throw invalid('invalid reference format')
  if (match.domain.length + 1 + match.path.length > 255) {
    throw invalid('repository name must not be more than 255 characters')
  }
  return {
    domain: match.domain,
    path: match.path,
    ...(match.tag === undefined ? {} : { tag: match.tag }),
    ...(match.digest === undefined ? {} : { digest: parseDigest(match.digest) }),
  }
}

/** Is this how a `domain/path` may begin: a whole host, perhaps with whole components of a path? No defaults are filled in. */
export function isRepositoryPrefix(text: string): boolean {
  return prefixGrammar.test(text)
}

/** `:latest` only where there is neither a tag nor a digest. */
export function withDefaultTag(reference: DockerReference): DockerReference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference
}

/** `domain/path`, no tag, no digest. */
export function repositoryName(reference: DockerReference): string {
  return `${reference.domain}/${reference.path}`
}

/** `domain/path[:tag][@digest]`. */
export function canonicalText(reference: DockerReference): string {
  return `${repositoryName(reference)}${suffix(reference)}`
}

/** The short form people type and the Docker engine prints: no `docker.io/`, no `library/`. */
export function familiarText(reference: DockerReference): string {
  const { domain: host, path } = reference
  const isShort = host === 'docker.io' && !startsWithHost(path)
  const short = isShort ? path.replace(/^library\/([^/]+)$/, '$1') : `${host}/${path}`
  return `${short}${suffix(reference)}`
}

/**
 * Trust-policy scopes, most specific first: the full name, the repository, each shorter path, the host,
 * then `*.` wildcards of the host without its port.
 */
export function dockerPolicyScopes(reference: DockerReference): string[] {
  const scopes = [canonicalText(reference)]
  for (let name = repositoryName(reference); ; name = name.slice(0, name.lastIndexOf('/'))) {
    if (name !== scopes.at(-1)) scopes.push(name)
    if (!name.includes('/')) break
  }
  for (let host = reference.domain.replace(/:\d+$/, ''); host.includes('.');) {
    host = host.slice(host.indexOf('.') + 1)
    scopes.push(`*.${host}`)
  }
  return scopes
}

function normalize(text: string): string {
  let host = 'docker.io'
  let remainder = text
  if (startsWithHost(text)) {
    const slash = text.indexOf('/')
    const first = text.slice(0, slash)
    host = first === 'index.docker.io' ? 'docker.io' : first
    remainder = text.slice(slash + 1)
  }
  if (host === 'docker.io' && !remainder.includes('/')) remainder = `library/${remainder}`
  const name = remainder.split(':', 1)[0]!
  if (name !== name.toLowerCase()) throw invalid('invalid reference format: repository name must be lowercase')
  return `${host}/${remainder}`
}

/** What a name is taken for: `localhost/a` and `a.b/c` name a host, `a/b` and `localhost` do not. */
function startsWithHost(text: string): boolean {
  const slash = text.indexOf('/')
  const first = text.slice(0, Math.max(slash, 0))
  return /[.:]/.test(first) || first === 'localhost'
}

function suffix({ tag, digest }: DockerReference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function invalid(message: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message)
}
