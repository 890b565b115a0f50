import { refusal } from './refusal.ts'
import { parseRepositoryName } from './repository-name.ts'

/** What a request is about, by its path alone. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'token' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'signatures'; readonly repository: string; readonly digest: string }

/** The path of the token service, when there is one. */
export const tokenPath = '/token'

/** Methods each kind of route answers. */
const routeMethods: Readonly<Record<Route['kind'], readonly string[]>> = {
  base: ['GET', 'HEAD'],
  catalog: ['GET', 'HEAD'],
  token: ['GET', 'POST'],
  tags: ['GET', 'HEAD'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
  blob: ['GET', 'HEAD', 'DELETE'],
  uploads: ['POST'],
  upload: ['GET', 'PATCH', 'PUT', 'DELETE'],
  referrers: ['GET', 'HEAD'],
  signatures: ['GET', 'HEAD', 'PUT'],
}

/**
 * The route of a decoded path, undefined when there is none. Repository names may hold slashes and words such as
 * `blobs`, so the tail decides. Throws a NAME_INVALID refusal.
 */
export function parseRoute(path: string): Route | undefined {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' }
  if (path === '/v2/_catalog') return { kind: 'catalog' }
  if (path === tokenPath) return { kind: 'token' }
  const extension = /^\/extensions\/v2\/(?<name>.+)\/signatures\/(?<digest>[^/]+)$/.exec(path)?.groups
  if (extension) {
    return { kind: 'signatures', repository: parseRepositoryName(extension['name']!), digest: extension['digest']! }
  }
  const match =
    /^\/v2\/(?<name>.+?)\/(?:tags\/(?<tags>list)|manifests\/(?<manifest>[^/]+)|blobs\/(?<uploads>uploads)\/?|blobs\/uploads\/(?<upload>[^/]+)|blobs\/(?<blob>[^/]+)|referrers\/(?<referrers>[^/]+))$/.exec(
      path,
    )?.groups
  if (!match) return undefined
  const repository = parseRepositoryName(match['name']!)
  if (match['tags']) return { kind: 'tags', repository }
  if (match['manifest']) return { kind: 'manifest', repository, reference: match['manifest'] }
  if (match['uploads']) return { kind: 'uploads', repository }
  if (match['upload']) return { kind: 'upload', repository, id: match['upload'] }
  if (match['blob']) return { kind: 'blob', repository, digest: match['blob'] }
  return { kind: 'referrers', repository, digest: match['referrers']! }
}

/** Throws an UNSUPPORTED refusal naming what would be allowed. */
export function requireMethod(route: Route, method: string): void {
  const allowed = routeMethods[route.kind]
  if (!allowed.includes(method)) throw refusal('UNSUPPORTED', `${method} is not allowed here, ${allowed.join(', ')} is`)
}
