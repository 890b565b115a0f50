import { sep } from 'node:path'

const component = '[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*'
const grammar = new RegExp(`^${component}(?:/${component})*$`)

/** Whether `text` may name an image within an OCI layout. Case counts, and a whole `host/name:tag` is one. */
export function isOciImageName(text: string): boolean {
  return grammar.test(text)
}

/** `PATH[:REST]` cut at the first colon; on Windows that of a drive letter belongs to the path. */
export function splitPathAndImage(text: string): { readonly path: string; readonly rest: string | undefined } {
  const colon = text.indexOf(':', sep === '\\' && /^[A-Za-z]:\\/.test(text) ? 2 : 0)
  return colon < 0 ? { path: text, rest: undefined } : { path: text.slice(0, colon), rest: text.slice(colon + 1) }
}
