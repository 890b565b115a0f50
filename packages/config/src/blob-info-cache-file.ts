import { join } from 'node:path'

import { isRoot, type Locations } from './locations.ts'

/**
 * Where the container tools keep what they know of blobs: below `/var/lib` for root, else in the user's data.
 */
export function blobInfoCacheFile(locations: Locations): string {
  const { env, home, root } = locations
  const folder = isRoot(locations) ? join(root, 'var/lib') : env['XDG_DATA_HOME'] || join(home, '.local/share')
  return join(folder, 'containers/cache/blob-info-cache-v1.sqlite')
}
