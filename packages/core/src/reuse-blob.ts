import type { OperationOptions, ReusedBlob } from '@transload/contract'

import type { PlannedBlob } from './copy-plan.ts'
import { declaredCompression, isCompression, type LayerCompression } from './layer-encoding.ts'
import type { StoredBlob } from './move-blob.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/**
 * What the destination has in place of the blob, undefined if nothing. Only a layer that would be compressed anew may be
 * another blob there, and compressed alike: what can stay as it is keeps its digest, and what is signed is made only of
 * what was read. Throws TransferError.
 */
export async function reuseBlob(
  { source, destination, options: { signers } }: CopySession,
  { blob, edit }: Pick<PlannedBlob, 'blob' | 'edit'>,
  operation: OperationOptions,
): Promise<StoredBlob | undefined> {
  const mayReplace = isCompression(edit) && signers.length === 0
  const compressions = mayReplace ? [edit, ...(edit === 'zstd' ? ['zstd:chunked'] : [])] : []
  const options = { ...operation, from: source.reference, substitutes: mayReplace, compressions }
  let found: ReusedBlob | undefined
  try {
    found = await destination.reuseBlob?.(blob, options)
  } catch (error) {
    operation.signal?.throwIfAborted()
    throw new TransferError('destination', 'transfer', `trying to reuse blob ${blob.digest} at destination`, error)
  }
  const size = blob.size ?? found?.size
  if (!found || size === undefined) return undefined
  if (found.digest === blob.digest) return { digest: blob.digest, size, reused: true }
  const { digest, mediaType, annotations } = found
  const compression = (found.compression as LayerCompression | undefined) ?? declaredCompression(mediaType)
  return { digest, size: found.size ?? size, compression, annotations, reused: true }
}
