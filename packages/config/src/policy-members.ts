import { TransloadError, type KeySource } from '@transload/contract'

/** The members of a JSON object in a policy. */
export type PolicyMembers = Readonly<Record<string, unknown>>

/** An object with no other members than these. `subject` is for messages. */
export function readMembers(value: unknown, subject: string, known: readonly string[]): PolicyMembers {
  const members = readObject(value, subject)
  const unknown = Object.keys(members).find((name) => !known.includes(name))
  if (unknown !== undefined) throw unknownKey(unknown)
  return members
}

/** An object with exactly these members. */
export function readExactMembers(value: unknown, subject: string, names: readonly string[]): PolicyMembers {
  const members = readMembers(value, subject, names)
  const missing = names.find((name) => members[name] === undefined)
  if (missing !== undefined) throw invalidPolicy(`Key ${JSON.stringify(missing)} missing in a JSON object`)
  return members
}

export function readObject(value: unknown, subject: string): PolicyMembers {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as PolicyMembers
  throw invalidPolicy(`${subject} is not an object`)
}

export function readText(members: PolicyMembers, name: string): string {
  return textOf(members[name], name)
}

/** What one of the members `…Path` and `…Data` named says where to find. */
export function readKeySource(members: PolicyMembers, name: string): KeySource {
  return keySourceOf(members[name], name)
}

/** As {@link readKeySource}, also for `…Paths` and `…Datas`, which name several. */
export function readKeySources(members: PolicyMembers, name: string): readonly KeySource[] {
  if (!name.endsWith('s')) return [readKeySource(members, name)]
  const listed = members[name]
  if (!Array.isArray(listed)) throw invalidPolicy(`${name} is not a list`)
  return listed.map((value) => keySourceOf(value, name))
}

/** Those of the members named that are there. */
export function presentMembers<N extends string>(members: PolicyMembers, names: readonly N[]): readonly N[] {
  return names.filter((name) => members[name] !== undefined)
}

export function unknownKey(key: string): TransloadError {
  return invalidPolicy(`Unknown key ${JSON.stringify(key)}`)
}

/** Without the words about which file: whoever parses the file puts them before. */
export function invalidPolicy(message: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', message)
}

function keySourceOf(value: unknown, name: string): KeySource {
  const text = textOf(value, name)
  if (/Paths?$/.test(name)) {
    if (text === '') throw invalidPolicy(`${name} is empty`)
    return { path: text }
  }
  const base64 = text.replaceAll(/[\r\n]/g, '')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw invalidPolicy(`illegal base64 data in ${name}`)
  }
  return { data: Buffer.from(base64, 'base64') }
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidPolicy(`${name} is not a string`)
  return value
}
