import { runes } from './byte-text.ts'

/** `%-8.3d` and the like: how `printf` is to show one value. */
export interface Directive {
  readonly verb: string
  readonly width?: number | undefined
  readonly precision?: number | undefined
  readonly minus?: boolean
  readonly plus?: boolean
  readonly sharp?: boolean
  readonly space?: boolean
  readonly zero?: boolean
}

export const plainDirective: Directive = { verb: 'v' }

/** Brings text to the width that is asked for, in characters. */
export function pad(text: string, { width = 0, minus, zero }: Directive): string {
  const missing = width === 0 ? 0 : width - [...runes(text)].length
  if (missing <= 0) return text
  return minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text
}

/** The characters that the precision leaves. */
export function truncate(text: string, { precision }: Directive): string {
  if (precision === undefined) return text
  let left = precision
  for (const { position } of runes(text)) if (--left < 0) return text.slice(0, position)
  return text
}
