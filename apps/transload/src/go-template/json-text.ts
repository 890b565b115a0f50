import { fromBytes, toBytes } from './byte-text.ts'
import { isNil, isTrue, type GoType, type GoValue } from './value.ts'

/** Compact, as Go's encoder writes it when it is told not to escape HTML. */
export function jsonText(value: GoValue | undefined): string {
  if (!value || isNil(value)) return 'null'
  const { toJson } = value.type
  if (toJson) return stringText(toJson(value))
  switch (value.kind) {
    case 'string':
      return stringText(value.value)
    case 'slice':
      return `[${value.items!.map(jsonText).join(',')}]`
    case 'map':
      return `{${[...value.entries!].map(([key, member]) => `${stringText(key)}:${jsonText(member)}`).join(',')}}`
    case 'struct':
      return `{${memberTexts(value.type, value.members).join(',')}}`
    case 'pointer':
    case 'interface':
      return jsonText(value.target)
    default:
      return String(value.value)
  }
}

function memberTexts({ fields = [] }: GoType, members: readonly GoValue[]): readonly string[] {
  return fields.flatMap(({ jsonName, omitsEmpty, type }, index) => {
    const member = members[index]
    if (jsonName === undefined) return member?.kind === 'struct' ? memberTexts(type, member.members) : []
    return omitsEmpty && !isTrue(member) ? [] : [`${stringText(jsonName)}:${jsonText(member)}`]
  })
}

function stringText(bytes: string): string {
  const text = JSON.stringify(fromBytes(bytes)).replaceAll(/[\u2028\u2029]/g, (character) => {
    return character === '\u2028' ? String.raw`\u2028` : String.raw`\u2029`
  })
  return toBytes(text)
}
