import { digestOf, type Digest, type OperationOptions } from '@transload/contract'

import type { StoredBlob } from './move-blob.ts'
import { reuseBlob } from './reuse-blob.ts'
import type { CopySession } from './session.ts'
import { writeBlob } from './write-blob.ts'

export interface MadeBlob {
  readonly role: 'config' | 'layer'
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** The blob of the source it was made of, for messages; absent: its own. */
  readonly madeOf?: Digest
}

/** Stores a blob that the source does not have, unless the destination has it already. Throws TransferError. */
export async function storeBytes(
  session: CopySession,
  { role, mediaType, bytes, madeOf }: MadeBlob,
  operation: OperationOptions,
): Promise<StoredBlob> {
  const blob = { mediaType, digest: digestOf(bytes), size: bytes.length }
  const reused = await reuseBlob(session, { blob, edit: 'none' }, operation)
  if (reused) return reused
  const reading = {
    digest: madeOf ?? blob.digest,
    open: async function* () {
      yield bytes
    },
  }
  await writeBlob(session, reading, { role, ...blob, written: () => blob }, operation)
  return { digest: blob.digest, size: blob.size, reused: false }
}
