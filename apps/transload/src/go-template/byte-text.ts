/**
 * Go's strings are bytes: lengths, positions and order are theirs. Inside templates every string is a byte string, a
 * JavaScript string with one byte in each character.
 */
export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** What is not UTF-8 becomes U+FFFD. */
export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

export interface Rune {
  readonly character: string
  readonly code: number
  /** Where in the string, and how much of it, in bytes. */
  readonly position: number
  readonly width: number
  readonly isValid: boolean
}

/** The character at `position`, which is inside; what is not UTF-8 is an invalid U+FFFD of one byte. */
export function runeAt(bytes: string, position: number): Rune {
  const first = bytes.charCodeAt(position)
  const width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const character = width === 1 ? bytes[position]! : fromBytes(bytes.slice(position, position + width))
  const code = character.codePointAt(0)!
  const isValid = width === 1 || (character.length === (code > 0xffff ? 2 : 1) && isEncoded(character, bytes, position))
  if (!isValid) return { character: '\ufffd', code: 0xfffd, position, width: 1, isValid }
  return { character, code, position, width, isValid }
}

export function* runes(bytes: string): Generator<Rune> {
  for (let position = 0; position < bytes.length;) {
    const rune = runeAt(bytes, position)
    yield rune
    position += rune.width
  }
}

export function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)
}

/** U+FFFD can be what is there as well as what stands for an error. */
function isEncoded(character: string, bytes: string, position: number): boolean {
  return bytes.startsWith(toBytes(character), position)
}
