import type { OperationOptions, Transport } from '@transload/contract'
import { pathPolicyScopes, resolveImagePath } from '@transload/formats'

import { openOciArchiveDestination } from './oci-archive-destination.ts'
import { parseOciArchiveReference, type OciArchiveReference } from './oci-archive-reference.ts'
import { openOciArchiveSource } from './oci-archive-source.ts'
import { readOciArchiveOptions } from './options.ts'

/** `oci-archive:` – an OCI image layout in a tar. Options: `OciArchiveOptions`; throws CONFIG_INVALID. */
export default function ociArchiveTransport(
  given: Readonly<Record<string, unknown>> = {},
): Transport<OciArchiveReference> {
  const own = readOciArchiveOptions(given)
  return {
    scheme: 'oci-archive',
    parse: parseOciArchiveReference,
    async openSource(reference, options) {
      const resolved = await resolveReference(reference, options)
      return await openOciArchiveSource(resolved, own, options)
    },
    async openDestination(reference, options) {
      const resolved = await resolveReference(reference, options)
      return await openOciArchiveDestination(resolved, own, options)
    },
  }
}

/** Trust policies name places by their real path. */
async function resolveReference(
  reference: OciArchiveReference,
  { signal }: OperationOptions,
): Promise<OciArchiveReference> {
  signal?.throwIfAborted()
  const path = await resolveImagePath(reference.path)
  return { ...reference, path, policyScopes: pathPolicyScopes(path) }
}
