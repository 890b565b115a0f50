import { TransloadError } from '@transload/contract'

import { plainDirective } from './directive.ts'
import { Evaluator, type Budget } from './evaluator.ts'
import { formatValue, printable } from './format-value.ts'
import { maxBytes } from './functions.ts'
import type { Branch, List, Statement } from './nodes.ts'
import type { Template } from './parser.ts'
import { dereferenced, goInt, goString, isTrue, withoutInterface, type GoValue } from './value.ts'

type Value = GoValue | undefined
/** How a list was left before its end. */
type Jump = 'break' | 'continue' | undefined

const maxSteps = 2_000_000
/** Lists in lists, in whatever template; deeper ones are refused, before they overflow the stack. */
const maxDepth = 1000

export interface Printed {
  /** Bytes, up to the error if there is one. */
  readonly text: string
  readonly error: TransloadError | undefined
}

/** What a template prints of `root`. */
export function executeTemplate(template: Template, root: GoValue): Printed {
  const output = new Output(template)
  try {
    output.run(template.name, root)
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    return { text: output.text, error }
  }
  return { text: output.text, error: undefined }
}

class Output {
  text = ''
  readonly #template: Template
  readonly #budget: Budget = { steps: maxSteps }
  #depth = 0

  constructor(template: Template) {
    this.#template = template
  }

  /** Runs a template that is known. */
  run(name: string, root: Value): void {
    const evaluator = new Evaluator(this.#template, name, root, this.#budget)
    this.#walkList(evaluator, root, this.#template.lists.get(name)!)
  }

  #walkList(evaluator: Evaluator, dot: Value, list: List): Jump {
    evaluator.at(list)
    if (this.#depth === maxDepth) throw evaluator.error(`exceeded maximum template depth (${maxDepth})`)
    this.#depth++
    for (const node of list.nodes) {
      const jump = this.#walk(evaluator, dot, node)
      if (jump) {
        this.#depth--
        return jump
      }
    }
    this.#depth--
    return undefined
  }

  #walk(evaluator: Evaluator, dot: Value, node: Statement): Jump {
    evaluator.at(node)
    switch (node.kind) {
      case 'text':
        this.#write(evaluator, node.text)
        return undefined
      case 'action': {
        const value = evaluator.evaluatePipe(dot, node.pipe)
        if (node.pipe.variables.length > 0) return undefined
        evaluator.at(node)
        this.#write(evaluator, formatValue(printable(value), plainDirective))
        return undefined
      }
      case 'break':
      case 'continue':
        return node.kind
      case 'if':
      case 'with':
        return this.#walkChoice(evaluator, dot, node)
      case 'range':
        return this.#walkRange(evaluator, dot, node)
      default: {
        if (!this.#template.lists.has(node.name)) throw evaluator.error(`template "${node.name}" not defined`)
        this.run(node.name, node.pipe && evaluator.evaluatePipe(dot, node.pipe))
        return undefined
      }
    }
  }

  #walkChoice(evaluator: Evaluator, dot: Value, { kind, pipe, list, elseList }: Branch): Jump {
    const scope = evaluator.variables.length
    const value = evaluator.evaluatePipe(dot, pipe)
    let jump: Jump
    if (isTrue(withoutInterface(value))) jump = this.#walkList(evaluator, kind === 'with' ? value : dot, list)
    else if (elseList) jump = this.#walkList(evaluator, dot, elseList)
    evaluator.variables.length = scope
    return jump
  }

  #walkRange(evaluator: Evaluator, dot: Value, { pipe, list, elseList }: Branch): Jump {
    const scope = evaluator.variables.length
    const value = dereferenced(evaluator.evaluatePipe(dot, pipe))
    const inner = evaluator.variables.length
    let jump: Jump
    let isEmpty = true
    for (const [key, element] of iterations(evaluator, value, pipe.variables.length)) {
      isEmpty = false
      this.#declare(evaluator, pipe, key, element)
      const left = this.#walkList(evaluator, element, list)
      evaluator.variables.length = inner
      if (left === 'break') break
    }
    if (isEmpty && elseList) jump = this.#walkList(evaluator, dot, elseList)
    evaluator.variables.length = scope
    return jump
  }

  #declare(evaluator: Evaluator, { variables, isAssignment }: Branch['pipe'], key: Value, element: Value): void {
    const values = variables.length > 1 ? [key, element] : [element]
    for (const [index, name] of variables.entries()) {
      const variable = evaluator.variables.at(index - variables.length)
      if (isAssignment) evaluator.assign(name, values[index])
      else if (variable) variable.value = values[index]
    }
  }

  #write(evaluator: Evaluator, text: string): void {
    if (this.text.length + text.length > maxBytes) throw evaluator.error(`more than ${maxBytes} bytes of output`)
    this.text += text
  }
}

/** Keys and elements, in order. */
function* iterations(evaluator: Evaluator, value: Value, variableCount: number): Generator<readonly [Value, Value]> {
  switch (value?.kind) {
    case undefined:
      return
    case 'slice':
      for (const [index, item] of (value.items ?? []).entries()) yield [goInt(index), item]
      return
    case 'map':
      for (const [key, member] of value.entries ?? []) yield [goString(key), member]
      return
    case 'int':
    case 'uint':
      if (variableCount > 1) {
        throw evaluator.error(`can't use ${formatValue(value, plainDirective)} to iterate over more than one variable`)
      }
      for (let number = 0n; number < value.value; number++) yield [undefined, { ...value, value: number }]
      return
    default:
      throw evaluator.error(`range can't iterate over ${formatValue(value, plainDirective)}`)
  }
}
