import { digestOf } from '@transload/contract'

import { heldBlobSize } from './blob-presence.ts'
import type { RegistryClient } from './registry-client.ts'
import { cancelUpload, finishUpload, startUpload, type UploadOptions } from './upload.ts'

/** Stores a small blob in a repository, unless it is there. */
export async function storeBytes(
  client: RegistryClient,
  repository: string,
  bytes: Uint8Array,
  options: UploadOptions,
): Promise<void> {
  const access = { repository, actions: 'pull,push' } as const
  const digest = digestOf(bytes)
  if ((await heldBlobSize(client, access, { digest, size: bytes.length }, options)) !== undefined) return
  const upload = await startUpload(client, access, options)
  try {
    await finishUpload(client, upload, digest, bytes, options)
  } catch (error) {
    cancelUpload(client, upload, options.log)
    throw error
  }
}
