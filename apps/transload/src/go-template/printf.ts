import { runeAt } from './byte-text.ts'
import { plainDirective, type Directive } from './directive.ts'
import { formatValue } from './format-value.ts'
import { withoutInterface, type GoValue } from './value.ts'

type Arguments = readonly (GoValue | undefined)[]

/** Go's Sprintf, with its `%!d(string=x)` for what does not fit. */
export function printf(format: string, args: Arguments): string {
  return new Printer(format, args).print()
}

class Printer {
  readonly #format: string
  readonly #args: Arguments
  #position = 0
  #next = 0
  /** `%[2]d` was used: then nobody counts what is left over. */
  #isReordered = false
  #isIndexGood = true
  #text = ''

  constructor(format: string, args: Arguments) {
    this.#format = format
    this.#args = args
  }

  print(): string {
    const format = this.#format
    while (this.#position < format.length) {
      const percent = format.indexOf('%', this.#position)
      const end = percent < 0 ? format.length : percent
      this.#text += format.slice(this.#position, end)
      this.#position = end + 1
      if (percent >= 0 && !this.#printOne()) break
    }
    const extra = this.#isReordered ? [] : this.#args.slice(this.#next)
    if (extra.length > 0) this.#text += `%!(EXTRA ${extra.map(extraText).join(', ')})`
    return this.#text
  }

  /** False at the end of the format. */
  #printOne(): boolean {
    this.#isIndexGood = true
    const flags = this.#readFlags()
    let afterIndex = this.#readIndex()
    const width = this.#readWidth(afterIndex)
    if (width.isArgument) afterIndex = false
    const precision = this.#readPrecision(afterIndex)
    if (precision) afterIndex = precision.afterIndex
    if (!afterIndex) this.#readIndex()
    if (this.#position >= this.#format.length) {
      this.#text += '%!(NOVERB)'
      return false
    }
    const { width: size } = runeAt(this.#format, this.#position)
    const verb = this.#format.slice(this.#position, this.#position + size)
    this.#position += size
    const isNegative = width.value !== undefined && width.value < 0
    this.#printVerb({
      ...flags,
      ...(isNegative ? { minus: true, zero: false } : {}),
      verb,
      width: width.value === undefined ? undefined : Math.abs(width.value),
      precision: precision?.value,
    })
    return true
  }

  #printVerb(directive: Directive): void {
    const { verb } = directive
    if (verb === '%') this.#text += '%'
    else if (!this.#isIndexGood) this.#text += `%!${verb}(BADINDEX)`
    else if (this.#next >= this.#args.length) this.#text += `%!${verb}(MISSING)`
    else this.#text += formatValue(this.#args[this.#next++], directive)
  }

  #readFlags(): Omit<Directive, 'verb'> {
    const start = this.#position
    while ('#0+- '.includes(this.#format[this.#position] ?? 'x')) this.#position++
    const flags = this.#format.slice(start, this.#position)
    return {
      minus: flags.includes('-'),
      plus: flags.includes('+'),
      sharp: flags.includes('#'),
      space: flags.includes(' '),
      zero: flags.includes('0'),
    }
  }

  /** `[2]`. True if there was one that can be read. */
  #readIndex(): boolean {
    if (this.#format[this.#position] !== '[') return false
    this.#isReordered = true
    const close = this.#format.indexOf(']', this.#position)
    const digits = close < 0 ? '' : this.#format.slice(this.#position + 1, close)
    this.#position = close < 0 ? this.#position + 1 : close + 1
    const isNumber = /^\d{1,7}$/.test(digits)
    const index = Number(digits) - 1
    if (isNumber && index >= 0 && index < this.#args.length) this.#next = index
    else this.#isIndexGood = false
    return isNumber
  }

  #readWidth(afterIndex: boolean): { readonly value: number | undefined; readonly isArgument: boolean } {
    if (this.#format[this.#position] === '*') {
      this.#position++
      const value = this.#takeSize()
      if (value === undefined) this.#text += '%!(BADWIDTH)'
      return { value, isArgument: true }
    }
    const value = this.#readDigits()
    if (afterIndex && value !== undefined) this.#isIndexGood = false
    return { value, isArgument: false }
  }

  #readPrecision(
    afterIndex: boolean,
  ): { readonly value: number | undefined; readonly afterIndex: boolean } | undefined {
    if (this.#format[this.#position] !== '.' || this.#position + 1 >= this.#format.length) return undefined
    this.#position++
    if (afterIndex) this.#isIndexGood = false
    const hasIndex = this.#readIndex()
    if (this.#format[this.#position] !== '*') return { value: this.#readDigits() ?? 0, afterIndex: hasIndex }
    this.#position++
    const size = this.#takeSize()
    const value = size !== undefined && size < 0 ? undefined : size
    if (value === undefined) this.#text += '%!(BADPREC)'
    return { value, afterIndex: false }
  }

  #readDigits(): number | undefined {
    const pattern = /\d+/y
    pattern.lastIndex = this.#position
    const digits = pattern.exec(this.#format)?.[0]
    if (digits === undefined) return undefined
    this.#position += digits.length
    return isSize(Number(digits)) ? Number(digits) : undefined
  }

  #takeSize(): number | undefined {
    if (this.#next >= this.#args.length) return undefined
    const arg = withoutInterface(this.#args[this.#next++])
    if (arg?.kind !== 'int' && arg?.kind !== 'uint') return undefined
    return isSize(Number(arg.value)) ? Number(arg.value) : undefined
  }
}

/** Go's bound for widths and precisions. */
function isSize(value: number): boolean {
  return Math.abs(value) <= 1_000_000
}

function extraText(value: GoValue | undefined): string {
  const inner = withoutInterface(value)
  return inner ? `${inner.type.name}=${formatValue(inner, plainDirective)}` : '<nil>'
}
