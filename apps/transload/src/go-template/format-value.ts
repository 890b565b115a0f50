import { pad, plainDirective, truncate, type Directive } from './directive.ts'
import { formatFloat, formatInteger } from './format-number.ts'
import { quote } from './quoting.ts'
import { goString, isNil, withoutInterface, type GoType, type GoValue } from './value.ts'

/** As Go's package fmt shows a value. Go would show where in memory something is; that is `0xc000000000` here. */
export function formatValue(value: GoValue | undefined, directive: Directive): string {
  const { verb } = directive
  const inner = withoutInterface(value)
  if (!inner) return verb === 'T' || verb === 'v' ? pad('<nil>', directive) : `%!${verb}(<nil>)`
  if (verb === 'T') return pad(truncate(inner.type.name, directive), directive)
  if (verb === 'p') return formatAddress(inner, directive) ?? badVerb(inner, directive)
  return formatNested(inner, directive, 0)
}

/** As Go's `print`: a space between two that are both not strings. */
export function formatAll(values: readonly (GoValue | undefined)[]): string {
  return values
    .map((value, index) => {
      const isApart = index > 0 && !isString(value) && !isString(values[index - 1])
      return `${isApart ? ' ' : ''}${formatValue(value, plainDirective)}`
    })
    .join('')
}

/** What a template prints of a value: that which pointers lead to. */
export function printable(value: GoValue | undefined): GoValue | undefined {
  if (!value) return goString('<no value>')
  let inner = value
  if (inner.kind !== 'pointer') return inner
  while (inner.kind === 'pointer' && inner.target) inner = inner.target
  return inner
}

function formatNested(value: GoValue, directive: Directive, depth: number): string {
  return formatByMethod(value, directive) ?? formatByKind(value, directive, depth) ?? badVerb(value, directive)
}

/** Undefined for what has no text of its own. */
function formatByMethod(value: GoValue, directive: Directive): string | undefined {
  const { verb } = directive
  const target = (value.kind === 'pointer' ? value.type.element : undefined) ?? value.type
  const isGo = verb === 'v' && directive.sharp === true
  const toText = isGo ? target.toGoText : 'vsxXq'.includes(verb) ? target.toText : undefined
  if (!toText) return undefined
  const receiver = value.kind === 'pointer' ? value.target : value
  if (!receiver) return '<nil>'
  return isGo ? pad(toText(receiver), directive) : formatString(toText(receiver), directive)
}

/** Undefined for a verb that the kind does not have. */
function formatByKind(value: GoValue, directive: Directive, depth: number): string | undefined {
  const { verb } = directive
  const isGo = verb === 'v' && directive.sharp === true
  switch (value.kind) {
    case 'bool':
      return verb === 't' || verb === 'v' ? pad(String(value.value), directive) : undefined
    case 'int':
    case 'uint':
      if (isGo && value.kind === 'uint') return formatInteger(value.value, { ...directive, verb: 'x' })
      return formatInteger(value.value, withoutDetail(directive))
    case 'float':
      return formatFloat(value.value, withoutDetail(directive))
    case 'string':
      return isGo
        ? formatString(value.value, { ...withoutDetail(directive), verb: 'q' })
        : formatString(value.value, directive)
    case 'slice':
    case 'map':
    case 'struct':
      return formatMembers(value, directive, depth)
    case 'interface':
      if (value.target) return formatNested(value.target, directive, depth + 1)
      return isGo ? `${value.type.name}(nil)` : '<nil>'
    default:
      if (depth === 0 && value.target && ['slice', 'struct', 'map'].includes(value.target.kind)) {
        return `&${formatNested(value.target, directive, depth + 1)}`
      }
      return formatAddress(value, directive)
  }
}

function formatMembers(
  value: Extract<GoValue, { kind: 'slice' | 'map' | 'struct' }>,
  directive: Directive,
  depth: number,
): string {
  const { kind, type } = value
  const isGo = directive.verb === 'v' && directive.sharp === true
  if (isGo && isNil(value)) return `${type.name}(nil)`
  const format = (member: GoValue): string => formatNested(member, directive, depth + 1)
  const members = memberTexts(value, directive, format).join(isGo ? ', ' : ' ')
  if (isGo || kind === 'struct') return `${isGo ? type.name : ''}{${members}}`
  return `${kind === 'map' ? 'map' : ''}[${members}]`
}

function memberTexts(
  value: Extract<GoValue, { kind: 'slice' | 'map' | 'struct' }>,
  { verb, plus, sharp }: Directive,
  format: (member: GoValue) => string,
): readonly string[] {
  if (value.kind === 'slice') return (value.items ?? []).map(format)
  if (value.kind === 'map') {
    return [...(value.entries ?? [])].map(([key, member]) => `${format(goString(key))}:${format(member)}`)
  }
  const isNamed = verb === 'v' && (plus === true || sharp === true)
  return value.members.map((member, index) => {
    return `${isNamed ? `${fieldName(value.type, index)}:` : ''}${format(member)}`
  })
}

function fieldName({ fields = [] }: GoType, index: number): string {
  return fields[index]?.name ?? ''
}

/** Undefined for a verb that strings do not have. */
function formatString(text: string, directive: Directive): string | undefined {
  const { verb, sharp, plus } = directive
  switch (verb) {
    case 'v':
    case 's':
      return pad(truncate(text, directive), directive)
    case 'q': {
      const shown = truncate(text, directive)
      // oxlint-disable-next-line no-control-regex
      const isRaw = sharp && !/[\x00-\x08\x0a-\x1f\x7f`]/.test(shown)
      return pad(isRaw ? `\`${shown}\`` : quote(shown, '"', plus), directive)
    }
    case 'x':
    case 'X':
      return pad(hexText(text, directive), directive)
    default:
      return undefined
  }
}

function hexText(text: string, { verb, precision, sharp, space }: Directive): string {
  const bytes = Array.from(text.slice(0, precision), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0'))
  const cased = verb === 'X' ? bytes.map((byte) => byte.toUpperCase()) : bytes
  if (cased.length === 0) return ''
  const prefix = sharp ? `0${verb}` : ''
  return prefix + cased.join(space ? ` ${prefix}` : '')
}

/** Undefined for what is not kept by an address. */
function formatAddress(value: GoValue, directive: Directive): string | undefined {
  const { verb, sharp } = directive
  if (!['slice', 'map', 'pointer'].includes(value.kind) || !'vpbodxX'.includes(verb)) return undefined
  const address = isNil(value) ? 0n : 0xc000000000n
  if (verb !== 'v' && verb !== 'p') return formatInteger(address, directive)
  if (verb === 'v' && sharp) return `(${value.type.name})(${address === 0n ? 'nil' : '0xc000000000'})`
  if (verb === 'v' && address === 0n) return pad('<nil>', directive)
  return formatInteger(address, { ...directive, verb: 'x', sharp: !sharp })
}

function badVerb(value: GoValue, directive: Directive): string {
  const shown = formatByKind(value, { ...directive, verb: 'v', plus: false, sharp: false }, 0)
  return `%!${directive.verb}(${value.type.name}=${shown ?? ''})`
}

/** `%+v` and `%#v` are about members, not about the numbers among them. */
function withoutDetail(directive: Directive): Directive {
  return directive.verb === 'v' ? { ...directive, plus: false, sharp: false } : directive
}

function isString(value: GoValue | undefined): boolean {
  return withoutInterface(value)?.kind === 'string'
}
