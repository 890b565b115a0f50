import { TransloadError } from '@transload/contract'

import {
  byteType,
  dereferenced,
  isAssignable,
  isNil,
  lengthOf,
  stringType,
  withoutInterface,
  zeroValue,
  type GoValue,
} from './value.ts'

type Arguments = readonly (GoValue | undefined)[]

/** `index x 1 2` is `x[1][2]`; what a map does not have is empty. Throws USAGE, as all here. */
export function index([item, ...indexes]: Arguments): GoValue {
  let found = withoutInterface(item)
  if (!found) throw problem('index of untyped nil')
  for (const key of indexes.map(withoutInterface)) found = member(dereferenced(found), key)
  return found
}

/** `slice x 1 2` is `x[1:2]`. */
export function slice([item, ...indexes]: Arguments): GoValue {
  if (!withoutInterface(item)) throw problem('slice of untyped nil')
  const whole = dereferenced(item)!
  if (whole.kind === 'pointer') throw problem('slice of nil pointer')
  if (indexes.length > 3) throw problem(`too many slice indexes: ${indexes.length}`)
  if (whole.kind !== 'string' && whole.kind !== 'slice') throw problem(`can't slice item of type ${whole.type.name}`)
  if (whole.kind === 'string' && indexes.length === 3) throw problem('cannot 3-index slice a string')
  const size = lengthOf(whole) ?? 0
  const [start = 0, end = size, capacity = size] = indexes.map((at) => position(withoutInterface(at), size))
  if (start > end) throw problem(`invalid slice index: ${start} > ${end}`)
  if (end > capacity) throw problem(`invalid slice index: ${end} > ${capacity}`)
  if (whole.kind === 'string') return { ...whole, value: whole.value.slice(start, end) }
  return { ...whole, items: whole.items?.slice(start, end) }
}

export function length([item]: Arguments): number {
  const value = dereferenced(item)
  if (value?.kind === 'pointer' || value?.kind === 'interface') throw problem('len of nil pointer')
  // Go asks the type of what has none.
  if (!value) throw problem('reflect: call of reflect.Value.Type on zero Value')
  const found = lengthOf(value)
  if (found === undefined) throw problem(`len of type ${value.type.name}`)
  return found
}

function member(value: GoValue | undefined, key: GoValue | undefined): GoValue {
  if (!value || ((value.kind === 'pointer' || value.kind === 'interface') && isNil(value))) {
    throw problem('index of nil pointer')
  }
  if (value.kind === 'map') {
    if (!key) throw problem('value is nil; should be of type string')
    if (!isAssignable(key.type, stringType)) throw problem(`value has type ${key.type.name}; should be string`)
    const found = key.kind === 'string' ? value.entries?.get(key.value) : undefined
    return found ?? zeroValue(value.type.element ?? stringType)
  }
  if (value.kind !== 'string' && value.kind !== 'slice') throw problem(`can't index item of type ${value.type.name}`)
  const size = lengthOf(value) ?? 0
  const at = position(key, size)
  if (at === size) throw problem(`reflect: ${value.kind} index out of range`)
  if (value.kind === 'slice') return value.items![at]!
  return { kind: 'uint', type: byteType, value: BigInt(value.value.charCodeAt(at)) }
}

/** The end itself is no mistake yet. */
function position(key: GoValue | undefined, size: number): number {
  if (!key) throw problem('cannot index slice/array with nil')
  if (key.kind !== 'int' && key.kind !== 'uint') {
    throw problem(`cannot index slice/array with type ${key.type.name}`)
  }
  if (key.value < 0n || key.value > BigInt(size)) throw problem(`index out of range: ${key.value}`)
  return Number(key.value)
}

function problem(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
