import { functions } from './functions.ts'
import type { Token, TokenKind } from './lexer.ts'
import { nodeText, type Command, type Operand, type Pipe } from './nodes.ts'
import { parseNumberConstant } from './number-constant.ts'
import { quote, unquote } from './quoting.ts'
import type { TokenCursor } from './token-cursor.ts'

const operandKinds = new Set<TokenKind>([
  'bool',
  'charConstant',
  'complex',
  'field',
  'identifier',
  'leftParen',
  'number',
  'rawString',
  'string',
  'variable',
])
const constantKinds = new Set<Operand['kind']>(['bool', 'dot', 'nil', 'number', 'string'])

/** Reads what is between `{{` and `}}`, but for the keywords. */
export class ExpressionParser {
  /** Those that are declared here. */
  variables: string[] = ['$']
  readonly #cursor: TokenCursor

  constructor(cursor: TokenCursor) {
    this.#cursor = cursor
  }

  /** Including its `end`. */
  readPipe(context: string, end: TokenKind): Pipe {
    const cursor = this.#cursor
    const { position } = cursor.peekWord()
    const declaration = this.#readDeclaration(context)
    const commands: Command[] = []
    while (cursor.peekWord().kind !== end) {
      const token = cursor.peekWord()
      if (!startsOperand(token)) throw cursor.unexpected(token, context)
      commands.push(this.#readCommand())
    }
    cursor.take()
    if (commands.length === 0) throw cursor.error(`missing value for ${context}`)
    const stage = commands.findIndex(({ args: [first] }, index) => index > 0 && first && constantKinds.has(first.kind))
    if (stage > 0) throw cursor.error(`non executable command in pipeline stage ${stage + 1}`)
    return { kind: 'pipe', position, ...declaration, commands }
  }

  /** `$x :=`, `$x =`, in ranges `$x, $y :=`; or nothing. */
  #readDeclaration(context: string): Pick<Pipe, 'variables' | 'isAssignment'> {
    const cursor = this.#cursor
    const variables: string[] = []
    for (;;) {
      const variable = cursor.peekWord()
      const start = cursor.index
      if (variable.kind !== 'variable') return { variables, isAssignment: false }
      cursor.take()
      const next = cursor.peekWord()
      const isList = next.kind === 'char' && next.value === ','
      if (next.kind !== 'assign' && next.kind !== 'declare' && !isList) {
        cursor.index = start
        return { variables, isAssignment: false }
      }
      cursor.take()
      variables.push(variable.value)
      this.variables.push(variable.value)
      if (!isList) return { variables, isAssignment: next.kind === 'assign' }
      if (context !== 'range' || variables.length > 1) throw cursor.error(`too many declarations in ${context}`)
      if (!['variable', 'rightDelim', 'rightParen'].includes(cursor.peekWord().kind)) {
        throw cursor.error('range can only initialize variables')
      }
    }
  }

  #readCommand(): Command {
    const cursor = this.#cursor
    const { position } = cursor.peekWord()
    const args: Operand[] = []
    for (;;) {
      cursor.peekWord()
      const operand = this.#readOperand()
      if (operand) args.push(operand)
      const token = cursor.take()
      if (token.kind === 'space') continue
      if (token.kind === 'rightDelim' || token.kind === 'rightParen') cursor.index--
      else if (token.kind !== 'pipe') throw cursor.unexpected(token, 'operand')
      break
    }
    if (args.length === 0) throw cursor.error('empty command')
    return { kind: 'command', position, args }
  }

  #readOperand(): Operand | undefined {
    const cursor = this.#cursor
    const term = this.#readTerm()
    const { kind, position } = cursor.peek()
    if (!term || kind !== 'field') return term
    const names: string[] = []
    while (cursor.peek().kind === 'field') names.push(cursor.take().value.slice(1))
    if (term.kind === 'field' || term.kind === 'variable')
      return { ...term, position, names: [...term.names, ...names] }
    if (constantKinds.has(term.kind)) throw cursor.error(`unexpected . after term ${quote(nodeText(term))}`)
    return { kind: 'chain', position, node: term, names }
  }

  /** Undefined, with nothing taken, if there is none. */
  #readTerm(): Operand | undefined {
    const cursor = this.#cursor
    const token = cursor.peekWord()
    if (!startsOperand(token)) return undefined
    cursor.take()
    const { kind, value, position } = token
    switch (kind) {
      case 'identifier':
        if (!functions.has(value)) throw cursor.error(`function ${quote(value)} not defined`)
        return { kind, position, name: value }
      case 'field':
        return { kind, position, names: [value.slice(1)] }
      case 'variable':
        if (!this.variables.includes(value)) throw cursor.error(`undefined variable ${quote(value)}`)
        return { kind, position, names: [value] }
      case 'bool':
        return { kind, position, value: value === 'true' }
      case 'leftParen':
        return cursor.nested(() => this.readPipe('parenthesized pipeline', 'rightParen'))
      case 'string':
      case 'rawString':
        return { kind: 'string', position, literal: value, text: cursor.located(() => unquote(value)) }
      case 'keyword':
        return { kind: value === 'nil' ? 'nil' : 'dot', position }
      default:
        return { kind: 'number', position, text: value, number: cursor.located(() => parseNumberConstant(value)) }
    }
  }
}

function startsOperand({ kind, value }: Token): boolean {
  return kind === 'keyword' ? value === '.' || value === 'nil' : operandKinds.has(kind)
}
