import { constants, copyFile, type FileHandle } from 'node:fs/promises'

import { TransloadError, type OperationOptions } from '@transload/contract'

/**
 * Fills the new file `target`, open as `handle`, with what the file `source` holds, and returns its size in bytes.
 * Meanwhile reads `body`, which yields the same bytes, to its end: that is the verification, and its error is thrown.
 *
 * A clone (reflink) where the file system can, else the kernel's copy; both cost this process next to nothing. Never
 * a hard link: two images would then share an inode, and a `chown` or an edit in one place would reach the other.
 */
export async function cloneFile(
  source: string,
  target: string,
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  { signal }: OperationOptions = {},
): Promise<number> {
  // Copying sets the mode of the source; the mode this file was made with (by the umask) is the right one.
  const { mode } = await handle.stat()
  const copied = copyFile(source, target, constants.COPYFILE_FICLONE)
  copied.catch(() => {})
  try {
    let size = 0
    for await (const chunk of body) {
      signal?.throwIfAborted()
      size += chunk.length
    }
    await copied
    await handle.chmod(mode & 0o777)
    const written = await handle.stat()
    if (written.size !== size) {
      throw new TransloadError(
        'SIZE_MISMATCH',
        `${source} changed while it was copied: ${written.size} bytes, not ${size}`,
      )
    }
    return size
  } finally {
    // Not before it ended may the caller remove the target: it would come back.
    await copied.catch(() => {})
  }
}
