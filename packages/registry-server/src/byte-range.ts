/** The bytes from `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * A `Range` header of a request for something `size` bytes long (RFC 9110 §14.2). `whole`: to be ignored, as the RFC
 * wants for several ranges, other units and nonsense. `unsatisfiable`: nothing of it lies within.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/i.exec(header?.trim() ?? '')
  if (!match) return 'whole'
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return 'whole'
    const length = Number(last)
    return length === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(size - length, 0), end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

/** The `Content-Range` of an upload chunk: `START-END` (distribution spec), or `bytes START-END/SIZE` as some clients say. */
export function parseChunkRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[ =])?(\d{1,16})-(\d{1,16})(?:\/(?:\d+|\*))?$/i.exec(header.trim())
  if (!match) return undefined
  const [start, end] = [Number(match[1]), Number(match[2])]
  return end >= start ? { start, end } : undefined
}
