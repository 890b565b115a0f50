import { randomBytes } from 'node:crypto'

const prefix = 'transload-put-'

/** A new name for something that is not complete yet. */
export function temporaryName(): string {
  return `${prefix}${randomBytes(9).toString('base64url')}`
}

/** Whether an entry of a directory is not complete yet, or was left behind by a process that was killed. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(prefix)
}
