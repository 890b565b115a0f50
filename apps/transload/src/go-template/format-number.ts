import { isPrintable, toBytes } from './byte-text.ts'
import { pad, type Directive } from './directive.ts'
import { quote } from './quoting.ts'

const bases = new Map([
  ['v', 10],
  ['d', 10],
  ['b', 2],
  ['o', 8],
  ['O', 8],
  ['x', 16],
  ['X', 16],
])

/** Undefined for a verb that integers do not have. */
export function formatInteger(value: bigint, directive: Directive): string | undefined {
  const { verb } = directive
  const base = bases.get(verb)
  if (base !== undefined) return digitsInBase(value, base, directive)
  const code = value < 0n || value > 0x10ffffn ? 0xfffd : Number(value)
  switch (verb) {
    case 'c':
      return pad(toBytes(String.fromCodePoint(code)), directive)
    case 'q':
      return pad(quote(toBytes(String.fromCodePoint(code)), "'", directive.plus), directive)
    case 'U':
      return pad(codePointText(value, directive), { ...directive, zero: false })
    default:
      return undefined
  }
}

/** Undefined for a verb that floats do not have; those are `%b` and `%x` as well. */
export function formatFloat(value: number, directive: Directive): string | undefined {
  const text = unsignedFloat(Math.abs(value), directive)
  if (text === undefined) return undefined
  const { plus, space, zero, minus, width = 0 } = directive
  const sign = value < 0 || Object.is(value, -0) ? '-' : plus ? '+' : space ? ' ' : ''
  if (sign === '' || !zero || minus) return pad(sign + text, directive)
  return sign + pad(text, { ...directive, width: Math.max(width - 1, 0) })
}

function digitsInBase(value: bigint, base: number, directive: Directive): string {
  const { verb, width = 0, precision, plus, minus, space, zero, sharp } = directive
  if (precision === 0 && value === 0n) return ' '.repeat(width)
  const sign = value < 0n ? '-' : plus ? '+' : space ? ' ' : ''
  const isZeroPadded = precision === undefined && zero && !minus
  const least = precision ?? (isZeroPadded ? width - sign.length : 0)
  const plain = (value < 0n ? -value : value).toString(base)
  const digits = (verb === 'X' ? plain.toUpperCase() : plain).padStart(least, '0')
  return pad(sign + basePrefix(digits, base, verb, sharp) + digits, { ...directive, zero: false })
}

function basePrefix(digits: string, base: number, verb: string, sharp = false): string {
  if (verb === 'O') return '0o'
  if (!sharp || base === 10) return ''
  if (base === 8) return digits.startsWith('0') ? '' : '0'
  return base === 2 ? '0b' : `0${verb === 'X' ? 'X' : 'x'}`
}

function codePointText(value: bigint, { precision = 0, sharp }: Directive): string {
  const code = BigInt.asUintN(64, value)
  const hex = `U+${code.toString(16).toUpperCase().padStart(Math.max(precision, 4), '0')}`
  const character = code <= 0x10ffffn ? String.fromCodePoint(Number(code)) : ''
  return sharp && isPrintable(character) ? `${hex} '${toBytes(character)}'` : hex
}

function unsignedFloat(value: number, { verb, precision }: Directive): string | undefined {
  switch (verb) {
    case 'f':
    case 'F':
      return fixedFloat(value, precision ?? 6)
    case 'e':
    case 'E':
      return goExponent(value.toExponential(Math.min(precision ?? 6, 100)), verb)
    case 'v':
    case 'g':
    case 'G':
      return shortFloat(value, precision, verb === 'G' ? 'E' : 'e')
    default:
      return undefined
  }
}

/** Exactly half way between two, the even one. */
function fixedFloat(value: number, precision: number): string {
  let shift = 0n
  let mantissa = value
  for (; !Number.isInteger(mantissa); mantissa *= 2) shift++
  const scaled = BigInt(mantissa) * 10n ** BigInt(precision)
  const whole = scaled >> shift
  const twiceRest = (scaled - (whole << shift)) * 2n
  const unit = 1n << shift
  const isUp = twiceRest > unit || (twiceRest === unit && whole % 2n === 1n)
  const digits = String(isUp ? whole + 1n : whole).padStart(precision + 1, '0')
  const point = digits.length - precision
  return precision === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
}

/** The digits needed, or `precision` of them, with an exponent where there would be many zeros. */
function shortFloat(value: number, precision: number | undefined, letter: string): string {
  if (value === 0) return '0'
  const count = precision === undefined ? undefined : Math.min(Math.max(precision, 1), 101)
  const [mantissa = '', exponent = ''] = value.toExponential(count === undefined ? undefined : count - 1).split('e')
  const digits = mantissa.replace('.', '').replace(/0+$/, '')
  const power = Number(exponent)
  if (power < -4 || power >= (count ?? 6)) {
    const shown = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
    return goExponent(`${shown}e${power}`, letter)
  }
  if (power < 0) return `0.${'0'.repeat(-power - 1)}${digits}`
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0')
  return digits.length > power + 1 ? `${whole}.${digits.slice(power + 1)}` : whole
}

/** With a sign and two digits at least. */
function goExponent(text: string, letter: string): string {
  return text.replace(/e([+-]?)(\d+)$/, (_, sign: string, digits: string) => {
    return `${letter}${sign === '-' ? '-' : '+'}${digits.padStart(2, '0')}`
  })
}
