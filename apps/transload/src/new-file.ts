import { randomUUID } from 'node:crypto'
import { constants, copyFile, link, open, rm } from 'node:fs/promises'

import { systemErrorCode } from '@transload/contract'

/**
 * A file that was not there: whole or not at all, and never in place of another; then it throws EEXIST. Its mode is
 * `mode`, less what the umask takes.
 */
export async function writeNewFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    {
      await using file = await open(temporary, 'wx', mode)
      await file.writeFile(content)
      await file.datasync()
    }
    await linkOrCopy(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Unlike a rename a link leaves alone what is there; not every file system has links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const isUnsupported = ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(systemErrorCode(error) ?? '')
    if (!isUnsupported) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
  }
}
