import { systemErrorCode, TransloadError, type OpenOptions } from '@transload/contract'
import { TarTree } from '@transload/formats'

/** The caller disposes it. Throws MANIFEST_UNKNOWN saying `absence` when there is no such file, IO when it is no tar. */
export async function openArchive(
  path: string,
  absence: string,
  maxUnpackedBytes: number | undefined,
  { tempDirectory, signal }: OpenOptions,
): Promise<TarTree> {
  signal?.throwIfAborted()
  try {
    return await TarTree.open(path, { tempDirectory, maxUnpackedBytes, signal })
  } catch (cause) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) throw cause
    throw new TransloadError('MANIFEST_UNKNOWN', absence, { cause })
  }
}
