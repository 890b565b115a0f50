import type { Digest } from '@transload/contract'

import type { Access } from './auth/authorizer.ts'
import type { RegistryClient } from './registry-client.ts'
import { nextStep, type Upload, type UploadOptions } from './upload.ts'

/**
 * Asks the registry to make a blob of another of its repositories available: `mounted`, or the upload it opened in
 * place of that, or undefined for any other answer (registry-client.md §10.1).
 */
export async function mountBlob(
  client: RegistryClient,
  access: Access,
  digest: Digest,
  from: string,
  options: UploadOptions,
): Promise<'mounted' | Upload | undefined> {
  const query = new URLSearchParams({ mount: digest, from })
  const response = await client.request({
    method: 'POST',
    target: `/v2/${access.repository}/blobs/uploads/?${query.toString()}`,
    access: { ...access, alsoPull: from },
    ...options,
  })
  if (response.status === 202) return await nextStep(response, access, 'mounting a blob')
  await response.discard()
  return response.status === 201 ? 'mounted' : undefined
}
