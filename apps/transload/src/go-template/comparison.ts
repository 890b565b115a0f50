import { TransloadError } from '@transload/contract'

import { plainDirective } from './directive.ts'
import { formatValue } from './format-value.ts'
import { isNil, withoutInterface, type GoValue } from './value.ts'

type Basic = Extract<GoValue, { kind: 'bool' | 'int' | 'uint' | 'float' | 'string' }>

/** Whether the first is one of the others. Throws USAGE, as all here, for what cannot be compared. */
export function equalsAny(first: GoValue | undefined, others: readonly (GoValue | undefined)[]): boolean {
  if (others.length === 0) throw new TransloadError('USAGE', 'missing argument for comparison')
  const left = withoutInterface(first)
  return others.some((other) => areEqual(left, withoutInterface(other)))
}

export function isLess(first: GoValue | undefined, second: GoValue | undefined): boolean {
  const left = basic(withoutInterface(first))
  const right = basic(withoutInterface(second))
  if (!left || !right) throw badType()
  if (isWhole(left) && isWhole(right)) return left.value < right.value
  if (left.kind !== right.kind) throw incompatible(left, right)
  if (left.kind === 'bool') throw badType()
  return left.value < right.value
}

function areEqual(left: GoValue | undefined, right: GoValue | undefined): boolean {
  const [a, b] = [basic(left), basic(right)]
  if (a && b && (a.kind === b.kind || (isWhole(a) && isWhole(b)))) return a.value === b.value
  if (left && right && (a || b)) throw incompatible(left, right)
  if (left && right && left.kind !== right.kind) {
    const shown = formatValue(left, { verb: 's' })
    const other = formatValue(right, plainDirective)
    throw new TransloadError('USAGE', `non-comparable types ${shown}: ${left.type.name}, ${right.type.name}: ${other}`)
  }
  if (isNil(left) || isNil(right)) return isNil(left) && isNil(right)
  return areSame(left!, right!)
}

function areSame(left: GoValue, right: GoValue): boolean {
  if (
    right.kind === 'slice' ||
    right.kind === 'map' ||
    right.type.fields?.some(({ type }) => isIncomparable(type.kind))
  ) {
    throw new TransloadError('USAGE', `non-comparable type ${formatValue(right, { verb: 's' })}: ${right.type.name}`)
  }
  if (left.kind !== 'struct' || right.kind !== 'struct') return left === right
  return left.type === right.type && left.members.every((member, index) => areEqual(member, right.members[index]))
}

function isIncomparable(kind: GoValue['kind']): boolean {
  return kind === 'slice' || kind === 'map'
}

function basic(value: GoValue | undefined): Basic | undefined {
  return value && ['bool', 'int', 'uint', 'float', 'string'].includes(value.kind) ? (value as Basic) : undefined
}

function isWhole(value: Basic): value is Extract<Basic, { kind: 'int' | 'uint' }> {
  return value.kind === 'int' || value.kind === 'uint'
}

function incompatible(left: GoValue, right: GoValue): TransloadError {
  return new TransloadError('USAGE', `incompatible types for comparison: ${left.type.name} and ${right.type.name}`)
}

function badType(): TransloadError {
  return new TransloadError('USAGE', 'invalid type for comparison')
}
