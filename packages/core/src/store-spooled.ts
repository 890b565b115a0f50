import type { OperationOptions, OutgoingBlob } from '@transload/contract'
import { readFileRange, spool } from '@transload/formats'

import { reuseBlob } from './reuse-blob.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { writeBlob, type BlobReading } from './write-blob.ts'

/**
 * Puts what `reading` yields aside on disk to learn its digest, then stores it unless the destination turns out to have
 * it: true if it did. `written` is called once the reading has ended. Throws TransferError.
 */
export async function storeSpooled(
  session: CopySession,
  reading: BlobReading,
  { role, mediaType, written }: Pick<OutgoingBlob, 'role' | 'mediaType' | 'written'>,
  operation: OperationOptions,
): Promise<boolean> {
  const { tempDirectory } = session.options
  await using spooled = await spoolReading(reading, { ...operation, tempDirectory })
  const { digest, size } = written()
  const blob = { mediaType, digest, size: spooled.size }
  if (await reuseBlob(session, { blob, edit: 'none' }, operation)) return true
  const again: BlobReading = {
    digest: reading.digest,
    open: (options) => readFileRange(spooled.handle, 0, spooled.size, options),
  }
  await writeBlob(session, again, { role, mediaType, digest, size, written }, operation)
  return false
}

async function spoolReading(
  { digest, open }: BlobReading,
  options: OperationOptions & { readonly tempDirectory: string },
): ReturnType<typeof spool> {
  try {
    return await spool(open(options), options)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw new TransferError('source', 'transfer', `reading blob ${digest}`, error)
  }
}
