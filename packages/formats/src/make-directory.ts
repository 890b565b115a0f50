import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { systemErrorCode, TransloadError } from '@transload/contract'

/**
 * Makes a directory and those above it, if missing, each with `mode`. Throws IO when something else has the name. (Node's own recursive
 * `mkdir` never ends where a directory cannot have entries, such as in `/proc`.)
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EEXIST') return await checkDirectory(path)
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path), mode)
    await mkdir(path, { mode }).catch((again: unknown) => {
      if (systemErrorCode(again) !== 'EEXIST') throw again
    })
  }
}

async function checkDirectory(path: string): Promise<void> {
  const info = await stat(path)
  if (!info.isDirectory()) throw new TransloadError('IO', `open ${path}: not a directory`)
}
