import { TransloadError } from '@transload/contract'

import { nodeText, type Operand } from './nodes.ts'
import {
  anyType,
  goInt,
  goString,
  isAssignable,
  withoutInterface,
  zeroValue,
  type GoType,
  type GoValue,
} from './value.ts'

/** What a parameter of a type, but not of any, takes a constant for. Throws USAGE, as all here. */
export function constantArgument(
  operand: Operand & { readonly kind: 'bool' | 'number' | 'string' },
  type: GoType,
): GoValue {
  if (type.kind === 'string') {
    if (operand.kind === 'string') return goString(operand.text, type)
    throw problem(`expected string; found ${nodeText(operand)}`)
  }
  if (type.kind === 'int') {
    if (operand.kind === 'number' && operand.number.int !== undefined) return goInt(operand.number.int, type)
    throw problem(`expected integer; found ${nodeText(operand)}`)
  }
  throw problem(`can't handle ${nodeText(operand)} for arg of type ${type.name}`)
}

/** What it takes `nil` for. */
export function nilArgument(type: GoType): GoValue | undefined {
  if (type.kind === 'interface') return undefined
  if (['map', 'pointer', 'slice'].includes(type.kind)) return zeroValue(type)
  throw problem(`cannot assign nil to ${type.name}`)
}

/** What it takes any other value for. */
export function convertedArgument(value: GoValue | undefined, type: GoType): GoValue | undefined {
  if (type === anyType) return value?.type === anyType ? withoutInterface(value) : value
  if (!value) {
    if (type.kind === 'slice') return zeroValue(type)
    throw problem(`invalid value; expected ${type.name}`)
  }
  const inner = value.kind === 'interface' && value.target ? value.target : value
  if (isAssignable(inner.type, type)) return inner
  if (inner.kind === 'pointer' && inner.type.element && isAssignable(inner.type.element, type)) {
    if (inner.target) return inner.target
    throw problem(`dereference of nil pointer of type ${type.name}`)
  }
  throw problem(`wrong type for value; expected ${type.name}; got ${inner.type.name}`)
}

function problem(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
