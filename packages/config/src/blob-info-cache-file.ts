import { join } from 'node:path'

import type { Locations } from './locations.ts'

/**
 * Where the container tools keep what they know of blobs: below `/var/lib` for root, else in the user's data. Inside a
 * user namespace of podman's it is the user outside that counts.
 */
export function blobInfoCacheFile({ env, home, root, uid }: Locations): string {
  const outside = env['_CONTAINERS_ROOTLESS_UID']
  const isRoot = (outside === undefined || outside === '' ? uid : Number(outside)) === 0
  const folder = isRoot ? join(root, 'var/lib') : env['XDG_DATA_HOME'] || join(home, '.local/share')
  return join(folder, 'containers/cache/blob-info-cache-v1.sqlite')
}
