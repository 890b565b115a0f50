import { TransloadError, type OperationOptions, type Transport } from '@transload/contract'
import { DirectoryTree, pathPolicyScopes, resolveImagePath } from '@transload/formats'

import { openDirDestination } from './destination.ts'
import { parseDirReference, type DirReference } from './reference.ts'
import { openDirSource } from './source.ts'

/** `dir:` – one image as flat files in a directory. It has no options; throws CONFIG_INVALID for any. */
export default function dirTransport(options: Readonly<Record<string, unknown>> = {}): Transport<DirReference> {
  const [unknownName] = Object.keys(options)
  if (unknownName !== undefined) {
    throw new TransloadError('CONFIG_INVALID', `dir transport: there is no option ${JSON.stringify(unknownName)}`)
  }
  return {
    scheme: 'dir',
    parse: parseDirReference,
    async openSource(reference, { signal }) {
      const resolved = await resolveReference(reference, { signal })
      return await openDirSource(new DirectoryTree(resolved.path), resolved, { signal })
    },
    async openDestination(reference, { signal }) {
      const resolved = await resolveReference(reference, { signal })
      return await openDirDestination(new DirectoryTree(resolved.path), resolved, { signal })
    },
  }
}

/** Trust policies name places by their real path. */
async function resolveReference(reference: DirReference, { signal }: OperationOptions): Promise<DirReference> {
  signal?.throwIfAborted()
  const path = await resolveImagePath(reference.path)
  return { ...reference, path, policyScopes: pathPolicyScopes(path) }
}
