import { TransloadError } from '@transload/contract'

import { readTokens, tokenText, type Token, type TokenKind } from './lexer.ts'

/** Parts inside parts; deeper ones are refused, before they overflow the stack. */
const maxNesting = 250

/** The tokens of a template and how far its parser is. Its errors are Go's, USAGE. */
export class TokenCursor {
  /** A token that was taken can be put back by setting this to where it was. */
  index = 0
  /** Where the action that is being read began; undefined outside. */
  actionLine: number | undefined
  readonly #name: string
  readonly #text: string
  readonly #tokens: readonly Token[]
  #furthest = 0
  #nesting = 0

  constructor(name: string, text: string) {
    this.#name = name
    this.#text = text
    this.#tokens = readTokens(text)
  }

  peek(): Token {
    this.#furthest = Math.max(this.#furthest, Math.min(this.index, this.#tokens.length - 1))
    return this.#tokens[this.index] ?? this.#tokens.at(-1)!
  }

  take(): Token {
    const token = this.peek()
    this.index++
    return token
  }

  /** Skips spaces. */
  peekWord(): Token {
    while (this.peek().kind === 'space') this.index++
    return this.peek()
  }

  takeWord(): Token {
    this.peekWord()
    return this.take()
  }

  expect(kind: TokenKind, context: string): void {
    const token = this.takeWord()
    if (token.kind !== kind) throw this.unexpected(token, context)
  }

  lineOf({ position }: Token): number {
    return this.#text.slice(0, position).split('\n').length
  }

  error(problem: string): TransloadError {
    const line = this.lineOf(this.#tokens[this.#furthest]!)
    return new TransloadError('USAGE', `template: ${this.#name}:${line}: ${problem}`)
  }

  unexpected(token: Token, context: string): TransloadError {
    if (token.kind !== 'error') return this.error(`unexpected ${tokenText(token)} in ${context}`)
    const { actionLine } = this
    if (actionLine === undefined || actionLine === this.lineOf(token)) return this.error(token.value)
    const start = token.value.endsWith(' action') ? ' started at' : ' in action started at'
    return this.error(`${token.value}${start} ${this.#name}:${actionLine}`)
  }

  /** Says where the error is that `read`, which knows nothing of the template, throws. */
  located<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw TransloadError.is(error) ? this.error(error.message) : error
    }
  }

  nested<T>(read: () => T): T {
    if (this.#nesting === maxNesting) throw this.error('max expression depth exceeded')
    this.#nesting++
    try {
      return read()
    } finally {
      this.#nesting--
    }
  }
}
