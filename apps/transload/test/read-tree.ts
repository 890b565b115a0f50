import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** Path → SHA-256 of every file below a directory, to compare directories by. */
export async function readTree(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hashed = files.sort().map(async (path) => {
    const hash = createHash('sha256').update(await readFile(path))
    return [relative(directory, path), hash.digest('hex')] as const
  })
  return Object.fromEntries(await Promise.all(hashed))
}
