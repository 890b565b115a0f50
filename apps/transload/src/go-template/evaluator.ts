import { TransloadError } from '@transload/contract'

import { constantArgument, convertedArgument, nilArgument } from './argument.ts'
import { functions, maxBytes } from './functions.ts'
import {
  nodeText,
  type Command,
  type Identifier,
  type Node,
  type NumberOperand,
  type Operand,
  type Pipe,
  type Reference,
} from './nodes.ts'
import type { Template } from './parser.ts'
import { readField } from './read-field.ts'
import {
  anyType,
  floatType,
  goBool,
  goInt,
  goString,
  isTrue,
  withoutInterface,
  type GoFunction,
  type GoType,
  type GoValue,
} from './value.ts'

type Value = GoValue | undefined
/** What comes through a `|`, as the last argument. */
export type Piped = readonly [Value] | undefined
type Signature = Pick<GoFunction, 'parameters' | 'variadic'>
/** How much work is left: templates can be written to go on for years. */
export interface Budget {
  steps: number
}

/** Evaluates the pipelines of one template of a text, with its variables. Its errors are Go's, USAGE. */
export class Evaluator {
  /** Innermost last. */
  readonly variables: { readonly name: string; value: Value }[]
  readonly #template: Template
  readonly #listName: string
  readonly #budget: Budget
  #node: Node | undefined

  constructor(template: Template, listName: string, root: Value, budget: Budget) {
    this.variables = [{ name: '$', value: root }]
    this.#template = template
    this.#listName = listName
    this.#budget = budget
  }

  /** What errors are about from now on. */
  at(node: Node): void {
    this.#node = node
    if (--this.#budget.steps < 0) throw this.error('the template does not come to an end')
  }

  error(problem: string): TransloadError {
    const { name, text } = this.#template
    const node = this.#node
    if (!node) return new TransloadError('USAGE', `template: ${this.#listName}: ${problem}`)
    const lines = text.slice(0, node.position).split('\n')
    const location = `${name}:${lines.length}:${lines.at(-1)!.length}`
    return new TransloadError(
      'USAGE',
      `template: ${location}: executing "${this.#listName}" at <${nodeText(node)}>: ${problem}`,
    )
  }

  /** Also does what the pipeline declares. */
  evaluatePipe(dot: Value, pipe: Pipe): Value {
    this.at(pipe)
    let piped: Piped
    for (const command of pipe.commands) {
      const value = this.#evaluateCommand(dot, command, piped)
      piped = [value?.type === anyType ? withoutInterface(value) : value]
    }
    const value = piped?.[0]
    for (const name of pipe.variables) {
      if (pipe.isAssignment) this.assign(name, value)
      else this.variables.push({ name, value })
    }
    return value
  }

  assign(name: string, value: Value): void {
    const variable = this.variables.findLast((known) => known.name === name)
    if (!variable) throw this.error(`undefined variable: ${name}`)
    variable.value = value
  }

  #evaluateCommand(dot: Value, command: Command, piped: Piped): Value {
    const [first, ...rest] = command.args as readonly [Operand, ...Operand[]]
    switch (first.kind) {
      case 'identifier':
        return this.#evaluateFunction(dot, first, command, rest, piped)
      case 'field':
      case 'chain':
      case 'variable':
        return this.#evaluateReference(dot, first, rest, piped)
    }
    if (first.kind !== 'pipe') this.at(first)
    if (rest.length > 0 || piped) throw this.error(`can't give argument to non-function ${nodeText(first)}`)
    if (first.kind === 'nil') throw this.error('nil is not a command')
    return this.#evaluateOperand(dot, first)
  }

  #evaluateOperand(dot: Value, operand: Operand): Value {
    switch (operand.kind) {
      case 'pipe':
        return this.evaluatePipe(dot, operand)
      case 'identifier':
        return this.#evaluateFunction(dot, operand, operand, [], undefined)
      case 'field':
      case 'chain':
      case 'variable':
        return this.#evaluateReference(dot, operand, [], undefined)
      case 'dot':
        return dot
      case 'bool':
        return goBool(operand.value)
      case 'string':
        return goString(operand.text)
      case 'number':
        return this.#evaluateNumber(operand)
      default:
        return undefined
    }
  }

  #evaluateNumber(operand: NumberOperand): Value {
    const { int, float, isFloat } = operand.number
    if (isFloat) return { kind: 'float', type: floatType, value: float ?? 0 }
    if (int === undefined) throw this.error(`${operand.text} overflows int`)
    return goInt(int)
  }

  #evaluateReference(dot: Value, node: Reference, args: readonly Operand[], piped: Piped): Value {
    this.at(node)
    const names = node.kind === 'variable' ? node.names.slice(1) : node.names
    let value = this.#referenceBase(dot, node)
    if (names.length === 0 && (args.length > 0 || piped)) {
      throw this.error(`can't give argument to non-function ${nodeText(node)}`)
    }
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1
      value = this.#evaluateField(dot, name, node, value, isLast ? args : [], isLast ? piped : undefined)
    }
    return value
  }

  #referenceBase(dot: Value, node: Reference): Value {
    if (node.kind === 'field') return dot
    if (node.kind === 'variable') return this.variables.findLast(({ name }) => name === node.names[0])?.value
    if (node.node.kind === 'nil') throw this.error(`indirection through explicit nil in ${nodeText(node)}`)
    this.at(node.node)
    return this.#evaluateOperand(dot, node.node)
  }

  #evaluateField(
    dot: Value,
    name: string,
    node: Operand,
    receiver: Value,
    args: readonly Operand[],
    piped: Piped,
  ): Value {
    if (!receiver) return undefined
    const found = this.#failing(undefined, () => readField(receiver, name))
    if (found.method) {
      const { method } = found
      const values = this.#evaluateArguments(dot, name, method, args, piped)
      return this.#failing([name, node], () => method.call(found.receiver, values))
    }
    if (args.length > 0 || piped) {
      throw this.error(
        found.isMember
          ? `${name} has arguments but cannot be invoked as function`
          : `${name} is not a method but has arguments`,
      )
    }
    return found.value
  }

  #evaluateFunction(dot: Value, node: Identifier, whole: Node, args: readonly Operand[], piped: Piped): Value {
    this.at(node)
    const { name } = node
    const called = functions.get(name)
    if (!called) throw this.error(`"${name}" is not a defined function`)
    if (name === 'and' || name === 'or') return this.#evaluateChoice(dot, name, called, args, piped)
    const values = this.#evaluateArguments(dot, name, called, args, piped)
    if (name === 'call') return this.#failCall(whole, values[0], args[0])
    const value = this.#failing([name, whole], () => called.call(values))
    if (value?.kind === 'string' && value.value.length > maxBytes) throw this.error(`more than ${maxBytes} bytes`)
    return value
  }

  /** The first argument that decides; those behind it are not evaluated. */
  #evaluateChoice(dot: Value, name: 'and' | 'or', called: GoFunction, args: readonly Operand[], piped: Piped): Value {
    this.#checkCount(name, called, args.length, piped)
    let value: Value
    for (const arg of args) {
      value = this.#evaluateArgument(dot, anyType, arg)
      if (isTrue(value) === (name === 'or')) return value
    }
    return piped ? piped[0] : value
  }

  /** No value in a template is a function. */
  #failCall(whole: Node, value: Value, callee: Operand | undefined): never {
    const callable = withoutInterface(value)
    this.at(whole)
    if (!callable) throw this.error('error calling call: call of nil')
    const shown = callee
      ? nodeText(callee)
      : callable.kind === 'string'
        ? callable.value
        : `<${callable.type.name} Value>`
    throw this.error(`error calling call: non-function ${shown} of type ${callable.type.name}`)
  }

  #evaluateArguments(
    dot: Value,
    name: string,
    called: Signature,
    args: readonly Operand[],
    piped: Piped,
  ): readonly Value[] {
    this.#checkCount(name, called, args.length, piped)
    const typeOf = (position: number): GoType => called.parameters[position] ?? called.variadic ?? anyType
    const values = args.map((arg, position) => this.#evaluateArgument(dot, typeOf(position), arg))
    return piped ? [...values, this.#convert(piped[0], typeOf(args.length))] : values
  }

  #checkCount(name: string, called: Signature, given: number, piped: Piped): void {
    const { parameters, variadic } = called
    const count = given + (piped ? 1 : 0)
    if (variadic) {
      if (count >= parameters.length) return
      throw this.error(`wrong number of args for ${name}: want at least ${parameters.length} got ${given}`)
    }
    if (count === parameters.length) return
    throw this.error(`wrong number of args for ${name}: want ${parameters.length} got ${count}`)
  }

  #evaluateArgument(dot: Value, type: GoType, arg: Operand): Value {
    this.at(arg)
    switch (arg.kind) {
      case 'nil':
        return this.#failing(undefined, () => nilArgument(type))
      case 'bool':
      case 'number':
      case 'string':
        if (type === anyType) return this.#evaluateOperand(dot, arg)
        return this.#failing(undefined, () => constantArgument(arg, type))
      default:
        return this.#convert(this.#evaluateOperand(dot, arg), type)
    }
  }

  #convert(value: Value, type: GoType): Value {
    return this.#failing(undefined, () => convertedArgument(value, type))
  }

  /** Says where the error is that `act` throws; with `call`, that calling it failed. */
  #failing<T>(call: readonly [string, Node] | undefined, act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (!TransloadError.is(error)) throw error
      if (!call) throw this.error(error.message)
      this.at(call[1])
      throw this.error(`error calling ${call[0]}: ${error.message}`)
    }
  }
}
