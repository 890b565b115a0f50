import { systemErrorCode, TransloadError } from '@transload/contract'

const texts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
}

/** The message of any error; the system's are put as Go puts them: `open /x: no such file or directory`. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const text = texts[systemErrorCode(error) ?? '']
  const { syscall, path } = error as NodeJS.ErrnoException
  if (text === undefined) return error.message
  // A failed read does not say of what.
  return path === undefined ? text : `${syscall ?? 'access'} ${path}: ${text}`
}

/** The same error with words before its message: code, hint and cause stay. What is not ours becomes IO. */
export function prefixError(prefix: string, error: unknown): TransloadError {
  const known = TransloadError.is(error) ? error : undefined
  return new TransloadError(known?.code ?? 'IO', `${prefix}: ${errorMessage(error)}`, {
    cause: error,
    hint: known?.hint,
    retryable: known?.retryable,
  })
}
