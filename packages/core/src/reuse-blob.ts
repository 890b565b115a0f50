import type { Descriptor, OperationOptions } from '@transload/contract'

import type { PlannedBlob } from './copy-plan.ts'
import { declaredCompression } from './layer-encoding.ts'
import type { StoredBlob } from './move-blob.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/** What the destination has in place of the blob, undefined if nothing. Throws TransferError. */
export async function reuseBlob(
  { source, destination }: CopySession,
  { blob, encoding }: Pick<PlannedBlob, 'blob' | 'encoding'>,
  operation: OperationOptions,
): Promise<StoredBlob | undefined> {
  const substitutes = encoding !== 'as-is'
  let found: Descriptor | undefined
  try {
    found = await destination.reuseBlob?.(blob, { ...operation, from: source.reference, substitutes })
  } catch (error) {
    operation.signal?.throwIfAborted()
    throw new TransferError('destination', 'transfer', `trying to reuse blob ${blob.digest} at destination`, error)
  }
  const size = blob.size ?? found?.size
  if (!found || size === undefined) return undefined
  if (found.digest === blob.digest) return { digest: blob.digest, size, reused: true }
  const { digest, mediaType } = found
  return { digest, size: found.size ?? size, compression: declaredCompression(mediaType), reused: true }
}
