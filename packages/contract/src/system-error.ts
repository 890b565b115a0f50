import { TransloadError } from './errors.ts'

/** The `errno` name (`ENOENT`) of a Node system error, else undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || TransloadError.is(error)) return undefined
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

/** What went wrong, without where: of system errors in the words of Go's tools, `no such file or directory`. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = systemErrorCode(error)
  if (code === undefined) return error.message
  // Node writes `ENOENT: no such file or directory, open '/x'`.
  return texts[code] ?? (/^E[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1] || code)
}

/** The message of any error; the system's are put as Go puts them: `open /x: no such file or directory`. */
export function errorMessage(error: unknown): string {
  const text = systemErrorText(error)
  if (systemErrorCode(error) === undefined) return text
  const { syscall, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string }
  // A failed read or write does not say of what.
  if (path === undefined) return text
  return `${syscall ?? 'access'} ${path}${dest === undefined ? '' : ` ${dest}`}: ${text}`
}

/** Where libuv has words of its own. */
const texts: Readonly<Record<string, string>> = {
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  EIO: 'input/output error',
  EDQUOT: 'disk quota exceeded',
}
