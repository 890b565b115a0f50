import { TransloadError } from '@transload/contract'

import { quote, unquoteRune } from './quoting.ts'

/** What a number in a template can be used as; undefined: not as that. */
export interface NumberConstant {
  readonly int: bigint | undefined
  readonly uint: bigint | undefined
  readonly float: number | undefined
  /** Used as what it looks like, it is a float. */
  readonly isFloat: boolean
}

const maxInt = 2n ** 63n - 1n
const minInt = -(2n ** 63n)
const maxUint = 2n ** 64n - 1n

/** A character in `'`, or a number as Go writes them. Throws USAGE; complex ones are not known. */
export function parseNumberConstant(text: string): NumberConstant {
  if (text.startsWith("'")) {
    const code = unquoteRune(text)
    return { int: BigInt(code), uint: BigInt(code), float: code, isFloat: false }
  }
  const whole = parseInteger(text)
  if (whole !== undefined) {
    const int = whole >= minInt && whole <= maxInt ? whole : undefined
    const isUnsigned = /^\d/.test(text) || whole === 0n
    const uint = isUnsigned && whole <= maxUint ? whole : undefined
    if (int === undefined && uint === undefined) throw problem('integer overflow', text)
    return { int, uint, float: Number(whole), isFloat: false }
  }
  if (/^[+-]?\d+$/.test(text)) throw problem('integer overflow', text)
  const float = parseFloat(text)
  if (float === undefined) throw problem('illegal number syntax', text)
  const rounded = Number.isInteger(float) ? BigInt(float) : undefined
  return {
    int: rounded !== undefined && rounded >= minInt && rounded <= maxInt ? rounded : undefined,
    uint: rounded !== undefined && rounded >= 0n && rounded <= maxUint ? rounded : undefined,
    float,
    isFloat: true,
  }
}

function parseInteger(text: string): bigint | undefined {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  const isPlain = /^(?:0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/
  if (!isPlain.test(digits)) return undefined
  const plain = digits.replaceAll('_', '')
  const value = BigInt(/^0\d/.test(plain) ? `0o${plain.slice(1)}` : plain)
  return sign === '-' ? -value : value
}

function parseFloat(text: string): number | undefined {
  const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
  if (decimal.test(text) && /[.eE]/.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  const hex = /^([+-]?)0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/.exec(text)
  if (!hex) return undefined
  const [, sign, whole = '', fraction = '', exponent] = hex
  if (whole + fraction === '') return undefined
  const value = Number.parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length)
  return sign === '-' ? -value : value
}

function problem(what: string, text: string): TransloadError {
  return new TransloadError('USAGE', `${what}: ${quote(text)}`)
}
