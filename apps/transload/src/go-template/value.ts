/**
 * Values as Go knows them: with a type each, as templates act by types. Absent ones (`undefined`) are Go's invalid
 * values, such as what a map does not have.
 */
export type GoValue =
  | { readonly kind: 'bool'; readonly type: GoType; readonly value: boolean }
  | { readonly kind: 'int' | 'uint'; readonly type: GoType; readonly value: bigint }
  | { readonly kind: 'float'; readonly type: GoType; readonly value: number }
  /** Bytes: byte-text.ts. */
  | { readonly kind: 'string'; readonly type: GoType; readonly value: string }
  /** `items`, `entries` and `target` are undefined where Go's value is nil. */
  | { readonly kind: 'slice'; readonly type: GoType; readonly items: readonly GoValue[] | undefined }
  | { readonly kind: 'map'; readonly type: GoType; readonly entries: ReadonlyMap<string, GoValue> | undefined }
  /** In the order of the type's fields. */
  | { readonly kind: 'struct'; readonly type: GoType; readonly members: readonly GoValue[] }
  | { readonly kind: 'pointer' | 'interface'; readonly type: GoType; readonly target: GoValue | undefined }

export interface GoType {
  readonly name: string
  readonly kind: GoValue['kind']
  /** Of a slice, a map (whose keys are strings) or a pointer. */
  readonly element?: GoType
  /** Of a struct. */
  readonly fields?: readonly GoField[]
  readonly methods?: ReadonlyMap<string, GoMethod>
  /** What `String()` says; a type has it or not. */
  readonly toText?: (value: GoValue) => string
  /** What `%#v` shows of it, if not what it consists of. */
  readonly toGoText?: (value: GoValue) => string
  /** The string it is in JSON, if it is not what its kind is there. */
  readonly toJson?: (value: GoValue) => string
}

export interface GoField {
  readonly name: string
  readonly type: GoType
  /** In JSON; undefined: the members of an embedded struct are those of the struct it is in, there as in templates. */
  readonly jsonName: string | undefined
  readonly omitsEmpty: boolean
}

export interface GoFunction {
  readonly parameters: readonly GoType[]
  /** Of any number of arguments behind those. */
  readonly variadic?: GoType
  /** Throws USAGE with a message that does not say where. */
  readonly call: (args: readonly (GoValue | undefined)[]) => GoValue | undefined
}

/** Of a value of its type; the receiver is none of the parameters. */
export interface GoMethod {
  readonly parameters: readonly GoType[]
  readonly call: (receiver: GoValue, args: readonly (GoValue | undefined)[]) => GoValue | undefined
}

export const boolType: GoType = { name: 'bool', kind: 'bool' }
export const intType: GoType = { name: 'int', kind: 'int' }
export const int64Type: GoType = { name: 'int64', kind: 'int' }
export const byteType: GoType = { name: 'uint8', kind: 'uint' }
export const floatType: GoType = { name: 'float64', kind: 'float' }
export const stringType: GoType = { name: 'string', kind: 'string' }
/** Also what functions take that take anything. */
export const anyType: GoType = { name: 'interface {}', kind: 'interface' }
export const errorType: GoType = { name: 'error', kind: 'interface' }
export const emptyStructType: GoType = { name: 'struct {}', kind: 'struct', fields: [] }
export const stringsType = sliceType(stringType)

export function sliceType(element: GoType): GoType {
  return { name: `[]${element.name}`, kind: 'slice', element }
}

export function mapType(element: GoType): GoType {
  return { name: `map[string]${element.name}`, kind: 'map', element }
}

export function pointerType(element: GoType): GoType {
  return { name: `*${element.name}`, kind: 'pointer', element }
}

export function goBool(value: boolean): GoValue {
  return { kind: 'bool', type: boolType, value }
}

export function goInt(value: number | bigint, type = intType): GoValue {
  return { kind: 'int', type, value: BigInt(value) }
}

export function goString(value: string, type = stringType): GoValue {
  return { kind: 'string', type, value }
}

export function goSlice(items: readonly GoValue[] | undefined, type: GoType): GoValue {
  return { kind: 'slice', type, items }
}

/** Entries come in the order of their keys, which is that of Go's output. */
export function goMap(entries: Iterable<readonly [string, GoValue]> | undefined, type: GoType): GoValue {
  const sorted = entries && [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  return { kind: 'map', type, entries: sorted && new Map(sorted) }
}

export function zeroValue(type: GoType): GoValue {
  const { kind } = type
  switch (kind) {
    case 'bool':
      return { kind, type, value: false }
    case 'int':
    case 'uint':
      return { kind, type, value: 0n }
    case 'float':
      return { kind, type, value: 0 }
    case 'string':
      return { kind, type, value: '' }
    case 'slice':
      return { kind, type, items: undefined }
    case 'map':
      return { kind, type, entries: undefined }
    case 'struct':
      return { kind, type, members: (type.fields ?? []).map((field) => zeroValue(field.type)) }
    default:
      return { kind, type, target: undefined }
  }
}

/** What an interface holds. */
export function withoutInterface(value: GoValue | undefined): GoValue | undefined {
  return value?.kind === 'interface' ? value.target : value
}

/** What pointers and interfaces lead to; the last of them, where that is nil. */
export function dereferenced(value: GoValue | undefined): GoValue | undefined {
  let inner = value
  while (inner && (inner.kind === 'pointer' || inner.kind === 'interface') && inner.target) inner = inner.target
  return inner
}

export function isNil(value: GoValue | undefined): boolean {
  switch (value?.kind) {
    case undefined:
      return true
    case 'slice':
      return value.items === undefined
    case 'map':
      return value.entries === undefined
    case 'pointer':
    case 'interface':
      return value.target === undefined
    default:
      return false
  }
}

export function isTrue(value: GoValue | undefined): boolean {
  switch (value?.kind) {
    case undefined:
      return false
    case 'bool':
      return value.value
    case 'string':
    case 'slice':
    case 'map':
      return lengthOf(value) !== 0
    case 'int':
    case 'uint':
      return value.value !== 0n
    case 'float':
      return value.value !== 0
    case 'pointer':
    case 'interface':
      return value.target !== undefined
    default:
      return true
  }
}

/** Of a string in bytes; undefined for what has no length. */
export function lengthOf(value: GoValue): number | undefined {
  switch (value.kind) {
    case 'string':
      return value.value.length
    case 'slice':
      return value.items?.length ?? 0
    case 'map':
      return value.entries?.size ?? 0
    default:
      return undefined
  }
}

/** Types are the same by their names. */
export function isAssignable(from: GoType, to: GoType): boolean {
  return from.name === to.name || to === anyType
}
