import { ExpressionParser } from './expression-parser.ts'
import type { Token } from './lexer.ts'
import type { Branch, List, Statement } from './nodes.ts'
import { quote, unquote } from './quoting.ts'
import { TokenCursor } from './token-cursor.ts'

/** A template and those that it defines, by their names. */
export interface Template {
  readonly name: string
  readonly text: string
  readonly lists: ReadonlyMap<string, List>
}

/** Throws USAGE with what Go says. */
export function parseTemplate(name: string, text: string): Template {
  return { name, text, lists: new Parser(name, text).readLists() }
}

interface Ending {
  readonly kind: 'end' | 'else'
  /** Of `{{else if}}` and `{{else with}}`, still to be read. */
  readonly continuation?: Token
}

class Parser {
  readonly #name: string
  readonly #cursor: TokenCursor
  readonly #expressions: ExpressionParser
  readonly #lists = new Map<string, List>()
  /** Of the template that is being read, as are the variables. */
  #rangeDepth = 0

  constructor(name: string, text: string) {
    this.#name = name
    this.#cursor = new TokenCursor(name, text)
    this.#expressions = new ExpressionParser(this.#cursor)
  }

  readLists(): ReadonlyMap<string, List> {
    const cursor = this.#cursor
    const nodes: Statement[] = []
    while (cursor.peek().kind !== 'eof') {
      const start = cursor.index
      if (cursor.take().kind === 'leftDelim' && isKeyword(cursor.takeWord(), 'define')) {
        this.#readDefinition()
        continue
      }
      cursor.index = start
      const part = this.#readPart()
      if (isEnding(part)) throw cursor.error(`unexpected {{${part.kind}}}`)
      nodes.push(part)
    }
    this.#add(this.#name, { kind: 'list', position: 0, nodes })
    return this.#lists
  }

  #readDefinition(): void {
    const context = 'define clause'
    const name = this.#readName(this.#cursor.takeWord(), context)
    this.#cursor.expect('rightDelim', context)
    this.#add(name, this.#readSeparateList(context))
  }

  /** Of two definitions of one name, one has to be empty. */
  #add(name: string, list: List): void {
    const known = this.#lists.get(name)
    if (known === undefined || isEmpty(known)) this.#lists.set(name, list)
    else if (!isEmpty(list)) throw this.#cursor.error(`template: multiple definition of template ${quote(name)}`)
  }

  /** With variables of its own, up to its `{{end}}`. */
  #readSeparateList(context: string): List {
    const { variables } = this.#expressions
    const { actionLine } = this.#cursor
    const rangeDepth = this.#rangeDepth
    this.#expressions.variables = ['$']
    this.#rangeDepth = 0
    this.#cursor.actionLine = undefined
    const [list, ending] = this.#cursor.nested(() => this.#readList())
    if (ending.kind !== 'end') throw this.#cursor.error(`unexpected {{else}} in ${context}`)
    this.#expressions.variables = variables
    this.#rangeDepth = rangeDepth
    this.#cursor.actionLine = actionLine
    return list
  }

  #readList(): [List, Ending] {
    const { position } = this.#cursor.peekWord()
    const nodes: Statement[] = []
    while (this.#cursor.peekWord().kind !== 'eof') {
      const part = this.#readPart()
      if (isEnding(part)) return [{ kind: 'list', position, nodes }, part]
      nodes.push(part)
    }
    throw this.#cursor.error('unexpected EOF')
  }

  #readPart(): Statement | Ending {
    const cursor = this.#cursor
    const token = cursor.takeWord()
    if (token.kind === 'text') return { kind: 'text', position: token.position, text: token.value }
    if (token.kind !== 'leftDelim') throw cursor.unexpected(token, 'input')
    cursor.actionLine = cursor.lineOf(token)
    const part = this.#readAction()
    cursor.actionLine = undefined
    return part
  }

  #readAction(): Statement | Ending {
    const { kind, value, position } = this.#cursor.takeWord()
    switch (kind === 'keyword' ? value : '') {
      case 'block':
        return this.#readBlock()
      case 'break':
        return this.#readJump('break', position)
      case 'continue':
        return this.#readJump('continue', position)
      case 'else':
        return this.#readElse()
      case 'end':
        this.#cursor.expect('rightDelim', 'end')
        return { kind: 'end' }
      case 'if':
        return this.#readBranch('if')
      case 'range':
        return this.#readBranch('range')
      case 'template':
        return this.#readTemplate()
      case 'with':
        return this.#readBranch('with')
      default:
        this.#cursor.index--
        return { kind: 'action', position, pipe: this.#expressions.readPipe('command', 'rightDelim') }
    }
  }

  #readJump(kind: 'break' | 'continue', position: number): Statement {
    this.#cursor.expect('rightDelim', `{{${kind}}}`)
    if (this.#rangeDepth === 0) throw this.#cursor.error(`{{${kind}}} outside {{range}}`)
    return { kind, position }
  }

  #readElse(): Ending {
    const next = this.#cursor.peekWord()
    if (isKeyword(next, 'if') || isKeyword(next, 'with')) return { kind: 'else', continuation: next }
    this.#cursor.expect('rightDelim', 'else')
    return { kind: 'else' }
  }

  #readBranch(kind: Branch['kind']): Branch {
    const { variables } = this.#expressions
    const scope = variables.length
    const pipe = this.#expressions.readPipe(kind, 'rightDelim')
    const step = kind === 'range' ? 1 : 0
    this.#rangeDepth += step
    const [list, ending] = this.#cursor.nested(() => this.#readList())
    this.#rangeDepth -= step
    const elseList = ending.kind === 'else' ? this.#readElseList(kind, ending) : undefined
    variables.length = scope
    return { kind, position: pipe.position, pipe, list, elseList }
  }

  /** `{{else if}}` is a branch inside, whose `{{end}}` ends both. */
  #readElseList(kind: Branch['kind'], { continuation }: Ending): List {
    if (continuation && kind !== 'range' && continuation.value === kind) {
      this.#cursor.takeWord()
      const branch = this.#cursor.nested(() => this.#readBranch(kind))
      return { kind: 'list', position: continuation.position, nodes: [branch] }
    }
    const [list, ending] = this.#readList()
    if (ending.kind !== 'end') throw this.#cursor.error('expected end; found {{else}}')
    return list
  }

  #readBlock(): Statement {
    const context = 'block clause'
    const token = this.#cursor.takeWord()
    const name = this.#readName(token, context)
    const pipe = this.#expressions.readPipe(context, 'rightDelim')
    this.#add(name, this.#readSeparateList(context))
    return { kind: 'template', position: token.position, name, pipe }
  }

  #readTemplate(): Statement {
    const context = 'template clause'
    const token = this.#cursor.takeWord()
    const name = this.#readName(token, context)
    const isBare = this.#cursor.peekWord().kind === 'rightDelim'
    if (isBare) this.#cursor.take()
    const pipe = isBare ? undefined : this.#expressions.readPipe(context, 'rightDelim')
    return { kind: 'template', position: token.position, name, pipe }
  }

  #readName(token: Token, context: string): string {
    if (token.kind !== 'string' && token.kind !== 'rawString') throw this.#cursor.unexpected(token, context)
    return this.#cursor.located(() => unquote(token.value))
  }
}

function isKeyword({ kind, value }: Token, word: string): boolean {
  return kind === 'keyword' && value === word
}

function isEnding(part: Statement | Ending): part is Ending {
  return part.kind === 'end' || part.kind === 'else'
}

function isEmpty({ nodes }: List): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '')
}
