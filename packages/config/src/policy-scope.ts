import { posix } from 'node:path'

import { isDigest } from '@transload/contract'

/** May a policy have this scope, other than `''`, for the transport (references.md §3)? Unknown transports may have any. */
export function isPolicyScope(transport: string, scope: string): boolean {
  switch (transport) {
    case 'docker-archive':
    case 'tarball':
      return false
    case 'dir':
    case 'sif':
    case 'oci':
    case 'oci-archive':
      return scope !== '/' && posix.isAbsolute(scope) && posix.resolve(scope) === scope
    case 'docker-daemon':
      return !isDigest(scope)
    case 'containers-storage':
      return isStorageScope(scope)
    case 'atomic':
      return /^[^/]*(?:\/[^:/]*(?:\/[^:/]*(?::[^:/]*)?)?)?$/.test(scope)
    default:
      return true
  }
}

/** `[[driver@]/root]`, then nothing, a name, `name@(ID|digest)` or `name@digest@ID`. */
function isStorageScope(scope: string): boolean {
  const [, rest] = /^\[(?:[^@\]]+@)?\/[^\]]*\](.*)$/s.exec(scope) ?? []
  if (rest === undefined) return false
  const [, digestOrId, id] = /^[^@]*(?:@([^@]*)(?:@(.*))?)?$/s.exec(rest) ?? []
  if (digestOrId === undefined) return true
  if (id === undefined) return isDigest(digestOrId) || isImageId(digestOrId)
  return isDigest(digestOrId) && isImageId(id)
}

function isImageId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}
