import { blobInfoCacheFile } from '@transload/config'
import type { BlobInfoCache } from '@transload/contract'
import { openFileBlobInfoCache } from '@transload/core'

import type { CommandContext } from './context.ts'

/** What the container tools of this user know of blobs, and will know of those that are copied. Nothing is opened yet. */
export function openBlobInfoCache({ locations, log }: CommandContext): BlobInfoCache & AsyncDisposable {
  return openFileBlobInfoCache(blobInfoCacheFile(locations), { log })
}
