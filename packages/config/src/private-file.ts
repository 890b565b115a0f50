import { randomUUID } from 'node:crypto'
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { systemErrorCode, systemErrorText, TransloadError } from '@transload/contract'

/** Atomic; mode 0600, new directories 0700. A symbolic link stays: what it points to is replaced. Throws IO. */
export async function replacePrivateFile(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const target = await realpath(path).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return path
      throw error
    })
    const temporary = `${target}.${randomUUID()}.tmp`
    try {
      await using file = await open(temporary, 'wx', 0o600)
      await file.writeFile(content)
      await file.datasync()
      await rename(temporary, target)
    } finally {
      await rm(temporary, { force: true })
    }
  } catch (cause) {
    throw new TransloadError('IO', `writing file ${JSON.stringify(path)}: ${systemErrorText(cause)}`, { cause })
  }
}
