import { TransloadError } from '@transload/contract'

import { dereferenced, type GoMethod, type GoType, type GoValue } from './value.ts'

export type Field =
  | { readonly method: GoMethod; readonly receiver: GoValue }
  /** Of a struct, or else what a map has under that name. */
  | { readonly method?: undefined; readonly value: GoValue | undefined; readonly isMember: boolean }

/** What `.name` is of a value. Throws USAGE. */
export function readField(value: GoValue, name: string): Field {
  const { type } = value
  const receiver = dereferenced(value) ?? value
  const isNil = receiver.kind === 'pointer' || receiver.kind === 'interface'
  if (receiver.kind === 'interface') throw problem(`nil pointer evaluating ${type.name}.${name}`)
  const target = receiver.kind === 'pointer' ? receiver.type.element : receiver.type
  const method = target?.methods?.get(name)
  if (method) return { method: isNil ? nilMethod(method, target!, name) : method, receiver }
  if (receiver.kind === 'struct') {
    const member = readMember(receiver, name)
    if (member) return { value: member, isMember: true }
  }
  if (receiver.kind === 'map') return { value: receiver.entries?.get(name), isMember: false }
  if (isNil && target?.fields?.some((field) => field.name === name)) {
    throw problem(`nil pointer evaluating ${type.name}.${name}`)
  }
  throw problem(`can't evaluate field ${name} in type ${type.name}`)
}

/** Its own members, then those of the structs that are embedded in it. */
function readMember({ type, members }: GoValue & { readonly kind: 'struct' }, name: string): GoValue | undefined {
  const { fields = [] } = type
  const index = fields.findIndex((field) => field.name === name)
  if (index >= 0) return members[index]
  for (const [position, { jsonName }] of fields.entries()) {
    const embedded = members[position]
    const found = jsonName === undefined && embedded?.kind === 'struct' ? readMember(embedded, name) : undefined
    if (found) return found
  }
  return undefined
}

/** Found as any other, and failing when it is called. */
function nilMethod(method: GoMethod, { name: typeName }: GoType, name: string): GoMethod {
  const short = typeName.replace(/^.*\./, '')
  return {
    ...method,
    call: () => {
      throw problem(`value method ${typeName}.${name} called using nil *${short} pointer`)
    },
  }
}

function problem(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
