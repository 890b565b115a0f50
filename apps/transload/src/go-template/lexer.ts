import { isPrintable, runeAt, toBytes } from './byte-text.ts'
import { quote } from './quoting.ts'

export type TokenKind =
  | 'assign'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'declare'
  | 'eof'
  | 'error'
  | 'field'
  | 'identifier'
  | 'keyword'
  | 'leftDelim'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelim'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'

export interface Token {
  readonly kind: TokenKind
  /** As written; of an error: what is wrong. */
  readonly value: string
  readonly position: number
}

const keywords = new Set('. block break continue define else end if nil range template with'.split(' '))
const marks = new Map<string, TokenKind>([
  ['=', 'assign'],
  ['|', 'pipe'],
  ['(', 'leftParen'],
  [')', 'rightParen'],
])
const quotes = new Map<string, readonly [TokenKind, RegExp, string]>([
  ['"', ['string', /"(?:\\[^\n]|[^"\\\n])*"/y, 'unterminated quoted string']],
  ['`', ['rawString', /`[^`]*`/y, 'unterminated raw quoted string']],
  ["'", ['charConstant', /'(?:\\[^\n]|[^'\\\n])*'/y, 'unterminated character constant']],
])

/** Without comments, and with white space trimmed by `{{-` and `-}}` gone. The last is 'eof', or 'error' where it ends early. */
export function readTokens(input: string): readonly Token[] {
  const tokens: Token[] = []
  let position = 0
  while (position < input.length) {
    const delimiter = input.indexOf('{{', position)
    const textEnd = delimiter < 0 ? input.length : delimiter
    const isTrimmed = delimiter >= 0 && /^-[ \t\r\n]/.test(input.slice(delimiter + 2, delimiter + 4))
    const text = input.slice(position, textEnd)
    const kept = isTrimmed ? text.replace(/[ \t\r\n]+$/, '') : text
    if (kept !== '') tokens.push({ kind: 'text', value: kept, position })
    if (delimiter < 0) break
    const inside = delimiter + (isTrimmed ? 4 : 2)
    if (input.startsWith('/*', inside)) {
      const end = commentEnd(input, inside)
      if (typeof end === 'string') return [...tokens, { kind: 'error', value: end, position: inside }]
      position = end
      continue
    }
    tokens.push({ kind: 'leftDelim', value: '{{', position: delimiter })
    position = readAction(input, inside, tokens)
    if (tokens.at(-1)?.kind === 'error') return tokens
  }
  return [...tokens, { kind: 'eof', value: 'EOF', position: input.length }]
}

/** A token as messages show it. */
export function tokenText({ kind, value }: Token): string {
  if (kind === 'eof' || kind === 'error') return value
  if (kind === 'keyword') return `<${value}>`
  if (value.length <= 10) return quote(value)
  return `${quote(firstRunes(value, 10))}...`
}

/** Where the text after a comment begins; a string says what is wrong with it. */
function commentEnd(input: string, start: number): number | string {
  const end = input.indexOf('*/', start + 2)
  if (end < 0) return 'unclosed comment'
  const closing = closingDelimiter(input, end + 2)
  return closing === undefined ? 'comment ends before closing delimiter' : closing.next
}

/** Where the text after `}}` or ` -}}` begins, if one of them is at `position`. */
function closingDelimiter(input: string, position: number): { readonly at: number; readonly next: number } | undefined {
  const [whole, trimming] = match(/([ \t\r\n]-)?\}\}/y, input, position)
  if (whole === undefined) return undefined
  const end = position + whole.length
  const at = end - 2
  return { at, next: trimming === undefined ? end : end + match(/[ \t\r\n]*/y, input, end)[0]!.length }
}

/** Adds the tokens of an action, up to its `}}` or an error; returns where it ends. */
function readAction(input: string, start: number, tokens: Token[]): number {
  let depth = 0
  let position = start
  for (;;) {
    const closing = closingDelimiter(input, position)
    if (closing && depth === 0) {
      tokens.push({ kind: 'rightDelim', value: '}}', position: closing.at })
      return closing.next
    }
    const token = closing ? fault('unclosed left paren', position) : readToken(input, position)
    if (token.kind === 'leftParen') depth++
    if (token.kind === 'rightParen' && --depth < 0) tokens.push(fault('unexpected right paren', position))
    else tokens.push(token)
    if (tokens.at(-1)?.kind === 'error') return input.length
    position += token.value.length
  }
}

function readToken(input: string, position: number): Token {
  const token = (kind: TokenKind, value: string): Token => ({ kind, value, position })
  if (position >= input.length) return fault('unclosed action', position)
  const character = input[position]!
  // A space before `-}}` is not one that separates.
  const [space] = match(/[ \t\r\n]+?(?=[ \t\r\n]-\}\}|[^ \t\r\n]|$)/y, input, position)
  if (space !== undefined) return token('space', space)
  const mark = marks.get(character)
  if (mark) return token(mark, character)
  if (character === ':') {
    return input[position + 1] === '=' ? token('declare', ':=') : fault('expected :=', position)
  }
  const quoted = quotes.get(character)
  if (quoted) {
    const [kind, pattern, problem] = quoted
    const [literal] = match(pattern, input, position)
    return literal === undefined ? fault(problem, position) : token(kind, literal)
  }
  if (/[+\-\d]/.test(character) || (character === '.' && /\d/.test(input[position + 1] ?? ''))) {
    return readNumber(input, position)
  }
  const { character: rune, code } = runeAt(input, position)
  if (character === '.' || character === '$' || isAlphanumeric(rune)) return readWord(input, position)
  if (code < 0x80 && isPrintable(rune)) return token('char', character)
  return fault(`unrecognized character in action: ${codePointText(input, position)}`, position)
}

function readWord(input: string, position: number): Token {
  const sigil = input[position]!
  const isName = sigil !== '.' && sigil !== '$'
  const end = alphanumericEnd(input, isName ? position : position + 1)
  if (!/^(?:[ \t\r\n.,|:()]|\}\}|$)/.test(input.slice(end, end + 2))) {
    return fault(`bad character ${codePointText(input, end)}`, position)
  }
  const value = input.slice(position, end)
  return { kind: wordKind(value), value, position }
}

function wordKind(word: string): TokenKind {
  if (keywords.has(word)) return 'keyword'
  if (word.startsWith('.')) return 'field'
  if (word.startsWith('$')) return 'variable'
  return word === 'true' || word === 'false' ? 'bool' : 'identifier'
}

/** Takes more than is a number, as Go does; what reads the number tells. */
function readNumber(input: string, position: number): Token {
  const pattern =
    /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y
  const number = match(pattern, input, position)[0]!
  let end = position + number.length
  const sign = input[end]
  const second = sign === '+' || sign === '-' ? match(pattern, input, end)[0]! : ''
  end += second.length
  const next = end < input.length ? runeAt(input, end) : undefined
  const isBad = (next && isAlphanumeric(next.character)) || (second !== '' && !second.endsWith('i'))
  if (isBad) {
    const shown = next && isAlphanumeric(next.character) ? end + next.width : end
    return fault(`bad number syntax: ${quote(input.slice(position, shown))}`, position)
  }
  return { kind: second === '' ? 'number' : 'complex', value: input.slice(position, end), position }
}

function alphanumericEnd(input: string, start: number): number {
  let end = start
  while (end < input.length) {
    const { character, width } = runeAt(input, end)
    if (!isAlphanumeric(character)) break
    end += width
  }
  return end
}

function isAlphanumeric(character: string): boolean {
  return /^[\p{L}\p{Nd}_]$/u.test(character)
}

/** As Go's `%#U`. */
function codePointText(input: string, position: number): string {
  const { character, code } = runeAt(input, position)
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return isPrintable(character) ? `${hex} '${toBytes(character)}'` : hex
}

function firstRunes(bytes: string, count: number): string {
  let end = 0
  for (let taken = 0; taken < count && end < bytes.length; taken++) end += runeAt(bytes, end).width
  return bytes.slice(0, end)
}

function fault(problem: string, position: number): Token {
  return { kind: 'error', value: problem, position }
}

function match(pattern: RegExp, input: string, position: number): readonly (string | undefined)[] {
  pattern.lastIndex = position
  return pattern.exec(input) ?? []
}
