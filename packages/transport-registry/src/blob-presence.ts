import type { Descriptor } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import { contentLength } from './http/response-reader.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import type { UploadOptions } from './upload.ts'

/**
 * The size of a blob that the repository itself holds, the expected one if the registry does not tell; undefined if it
 * holds none, or one of another size. Throws for any other answer.
 */
export async function heldBlobSize(
  client: RegistryClient,
  access: Access,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  options: UploadOptions,
): Promise<number | undefined> {
  const { repository } = access
  const target = `/v2/${repository}/blobs/${digest}`
  const response = await client.request({ method: 'HEAD', target, access, isVerified: true, ...options })
  if (response.status !== 200 && response.status !== 404) {
    const prefix = `checking whether a blob ${digest} exists in ${client.host}/${repository}`
    throw await registryError(response, prefix, 'blob')
  }
  await response.discard()
  if (response.status === 404) return undefined
  const held = contentLength(response.headers) ?? size
  return size === undefined || held === size ? held : undefined
}
