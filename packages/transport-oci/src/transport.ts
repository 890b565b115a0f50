import type { OperationOptions, Transport } from '@transload/contract'
import {
  DirectoryTree,
  OciLayout,
  openOciImageSource,
  pathPolicyScopes,
  refNameOf,
  resolveImagePath,
} from '@transload/formats'

import { openOciDestination } from './destination.ts'
import { readOciTransportOptions } from './options.ts'
import { parseOciReference, type OciReference } from './reference.ts'
import { removeOciImage } from './remove-image.ts'

/**
 * `oci:` – images in an OCI image layout on disk. Options: `OciTransportOptions`; throws CONFIG_INVALID.
 * Any number of sources, destinations and processes may use one layout at once.
 */
export default function ociTransport(given: Readonly<Record<string, unknown>> = {}): Transport<OciReference> {
  const options = readOciTransportOptions(given)
  const { sharedBlobDirectory, readForeignLayer } = options
  const sharedBlobs = sharedBlobDirectory === undefined ? undefined : new DirectoryTree(sharedBlobDirectory)
  const openLayout = ({ path }: OciReference): OciLayout => new OciLayout(new DirectoryTree(path), sharedBlobs)
  return {
    scheme: 'oci',
    parse: parseOciReference,
    async openSource(reference, { signal }) {
      const resolved = await resolveReference(reference, { signal })
      return await openOciImageSource(openLayout(resolved), resolved, { signal, readForeignLayer })
    },
    async openDestination(reference, { signal }) {
      const resolved = await resolveReference(reference, { signal })
      return await openOciDestination(openLayout(resolved), resolved, options, { signal })
    },
    async removeImage(reference, { signal }) {
      const resolved = await resolveReference(reference, { signal })
      await removeOciImage(openLayout(resolved), resolved, { signal, hasSharedBlobs: sharedBlobs !== undefined })
    },
    async *listTags(reference, { signal }) {
      const { manifests } = await openLayout(reference).readIndex({ signal })
      yield* manifests.map(refNameOf).filter((name) => name !== undefined)
    },
  }
}

/** Trust policies name places by their real path. */
async function resolveReference(reference: OciReference, { signal }: OperationOptions): Promise<OciReference> {
  signal?.throwIfAborted()
  const path = await resolveImagePath(reference.path)
  return { ...reference, path, policyScopes: pathPolicyScopes(path) }
}
