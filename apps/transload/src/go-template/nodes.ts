import type { NumberConstant } from './number-constant.ts'
import { quote } from './quoting.ts'

interface Located {
  /** In the template's text, in bytes. */
  readonly position: number
}

/** What is between `{{end}}`s. */
export interface List extends Located {
  readonly kind: 'list'
  readonly nodes: readonly Statement[]
}

export type Statement =
  | (Located & { readonly kind: 'text'; readonly text: string })
  | (Located & { readonly kind: 'action'; readonly pipe: Pipe })
  | (Located & { readonly kind: 'break' | 'continue' })
  | Branch
  | (Located & { readonly kind: 'template'; readonly name: string; readonly pipe: Pipe | undefined })

export interface Branch extends Located {
  readonly kind: 'if' | 'range' | 'with'
  readonly pipe: Pipe
  readonly list: List
  readonly elseList: List | undefined
}

/** `$x, $y := command | command`. */
export interface Pipe extends Located {
  readonly kind: 'pipe'
  readonly isAssignment: boolean
  readonly variables: readonly string[]
  readonly commands: readonly Command[]
}

export interface Command extends Located {
  readonly kind: 'command'
  /** At least one. */
  readonly args: readonly Operand[]
}

export type Operand =
  | Identifier
  | Reference
  | (Located & { readonly kind: 'dot' | 'nil' })
  | (Located & { readonly kind: 'bool'; readonly value: boolean })
  | NumberOperand
  | (Located & { readonly kind: 'string'; readonly literal: string; readonly text: string })
  | Pipe

/** The name of a function. */
export interface Identifier extends Located {
  readonly kind: 'identifier'
  readonly name: string
}

/** `.A.B`, `$x.A` or `(pipe).A`. Names are at least one; of a variable the first is its own, with the `$`. */
export type Reference =
  | (Located & { readonly kind: 'field'; readonly names: readonly string[] })
  | (Located & { readonly kind: 'variable'; readonly names: readonly string[] })
  | (Located & { readonly kind: 'chain'; readonly node: Operand; readonly names: readonly string[] })

export interface NumberOperand extends Located {
  readonly kind: 'number'
  readonly text: string
  readonly number: NumberConstant
}

export type Node = List | Statement | Command | Operand

/** A node as messages show it: the template that it could have come from. */
export function nodeText(node: Node): string {
  switch (node.kind) {
    case 'list':
      return node.nodes.map(nodeText).join('')
    case 'text':
      return node.text
    case 'action':
      return `{{${nodeText(node.pipe)}}}`
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
    case 'if':
    case 'range':
    case 'with':
      return `{{${node.kind} ${nodeText(node.pipe)}}}${nodeText(node.list)}${
        node.elseList ? `{{else}}${nodeText(node.elseList)}` : ''
      }{{end}}`
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe ? ` ${nodeText(node.pipe)}` : ''}}}`
    case 'pipe':
      return `${declarationText(node)}${node.commands.map(nodeText).join(' | ')}`
    case 'command':
      return node.args.map(argumentText).join(' ')
    case 'identifier':
      return node.name
    case 'field':
      return node.names.map((name) => `.${name}`).join('')
    case 'variable':
      return node.names.join('.')
    case 'chain':
      return `${argumentText(node.node)}${node.names.map((name) => `.${name}`).join('')}`
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'bool':
      return String(node.value)
    case 'number':
      return node.text
    default:
      return node.literal
  }
}

function argumentText(node: Operand): string {
  return node.kind === 'pipe' ? `(${nodeText(node)})` : nodeText(node)
}

function declarationText({ isAssignment, variables }: Pipe): string {
  return variables.length === 0 ? '' : `${variables.join(', ')} ${isAssignment ? '=' : ':='} `
}
