import type { OperationOptions, RawManifest } from '@transload/contract'

import type { ResponseHeaders } from './http/http-client.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { ApiRequest, RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/** `PUT …/manifests/REF`, a tag or the digest (registry-client.md §10.3); returns the headers of the answer. */
export async function putManifest(
  client: RegistryClient,
  reference: RegistryReference,
  { bytes, mediaType }: RawManifest,
  ref: string,
  { headers, ...options }: OperationOptions & Pick<ApiRequest, 'headers' | 'log'>,
): Promise<ResponseHeaders> {
  const { repository } = reference
  const response = await client.request({
    method: 'PUT',
    target: `/v2/${repository}/manifests/${ref}`,
    access: { repository, actions: 'pull,push' },
    headers: { ...headers, ...(mediaType === '' ? {} : { 'Content-Type': mediaType }) },
    body: bytes,
    ...options,
  })
  if (response.status < 200 || response.status >= 400) {
    throw await registryError(response, `uploading manifest ${ref} to ${fullName(reference)}`, 'name')
  }
  await response.discard()
  return response.headers
}
