import { TransloadError } from '@transload/contract'

import { isPrintable, runeAt, runes, toBytes } from './byte-text.ts'

const escapes = new Map([
  ['\x07', 'a'],
  ['\b', 'b'],
  ['\f', 'f'],
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
  ['\v', 'v'],
  ['\\', '\\'],
])
const meanings = new Map([...escapes].map(([character, letter]) => [letter, character]))

/** As Go's `%q` writes it, or `%+q` where `isAscii`. */
export function quote(bytes: string, mark = '"', isAscii = false): string {
  let quoted = mark
  for (const { character, code, position, isValid } of runes(bytes)) {
    const escape = character === mark ? mark : escapes.get(character)
    if (!isValid) quoted += hexEscape('x', bytes.charCodeAt(position), 2)
    else if (escape !== undefined) quoted += `\\${escape}`
    else if (isPrintable(character) && (!isAscii || code < 0x80)) quoted += toBytes(character)
    else if (code < 0x20 || code === 0x7f) quoted += hexEscape('x', code, 2)
    else quoted += code < 0x10000 ? hexEscape('u', code, 4) : hexEscape('U', code, 8)
  }
  return quoted + mark
}

/** The string that a Go literal in `"` or `` ` `` stands for. Throws USAGE. */
export function unquote(literal: string): string {
  const mark = literal[0]!
  const inside = literal.slice(1, -1)
  if (mark === '`') return inside.replaceAll('\r', '')
  let text = ''
  for (let position = 0; position < inside.length;) {
    const { code, bytes, end } = readCharacter(inside, position, mark)
    text += bytes ?? toBytes(String.fromCodePoint(code))
    position = end
  }
  return text
}

/** The code point that a Go literal in `'` stands for. Throws USAGE. */
export function unquoteRune(literal: string): number {
  if (literal === "''") throw invalidSyntax()
  const { code, end } = readCharacter(literal, 1, "'")
  if (literal.slice(end) !== "'") throw new TransloadError('USAGE', `malformed character constant: ${literal}`)
  return code
}

interface LiteralCharacter {
  readonly code: number
  /** What stands for itself, or for a byte rather than a character. */
  readonly bytes?: string
  readonly end: number
}

function readCharacter(text: string, position: number, mark: string): LiteralCharacter {
  if (text[position] !== '\\') {
    const { code, width } = runeAt(text, position)
    return { code, bytes: text.slice(position, position + width), end: position + width }
  }
  const letter = text[position + 1] ?? ''
  const meaning = letter === mark ? mark : meanings.get(letter)
  if (meaning !== undefined) return { code: meaning.charCodeAt(0), bytes: meaning, end: position + 2 }
  const digits = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3}))/y
  digits.lastIndex = position
  const [whole, byteHex, shortHex, longHex, octal] = digits.exec(text) ?? []
  if (whole === undefined) throw invalidSyntax()
  const end = position + whole.length
  const byte = octal === undefined ? byteHex && Number.parseInt(byteHex, 16) : Number.parseInt(octal, 8)
  if (typeof byte === 'number') {
    if (byte > 0xff) throw invalidSyntax()
    return { code: byte, bytes: String.fromCharCode(byte), end }
  }
  const code = Number.parseInt(shortHex ?? longHex ?? '', 16)
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw invalidSyntax()
  return { code, end }
}

function hexEscape(letter: string, code: number, digits: number): string {
  return `\\${letter}${code.toString(16).padStart(digits, '0')}`
}

function invalidSyntax(): TransloadError {
  return new TransloadError('USAGE', 'invalid syntax')
}
