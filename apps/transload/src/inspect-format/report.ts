import { TransloadError } from '@transload/contract'

import { fromBytes, toBytes } from '../go-template/byte-text.ts'
import { executeTemplate, type Printed } from '../go-template/execution.ts'
import { parseTemplate, type Template } from '../go-template/parser.ts'
import { anyType, goSlice, sliceType, type GoValue } from '../go-template/value.ts'
import { alignColumns } from './columns.ts'

export interface Report {
  /** UTF-8. What was printed before the error is printed. */
  readonly bytes: Uint8Array
  readonly error: TransloadError | undefined
}

const name = 'skopeo inspect'
const tableWord = 'table '

/**
 * What a format prints of an object (cli.md §7.4): a Go template, which `table ` in front makes a table of. Throws
 * USAGE, with skopeo's text, for one that cannot be parsed.
 */
export function renderReport(format: string, data: GoValue): Report {
  try {
    const { text, error } = execute(toBytes(format), data)
    return { bytes: Buffer.from(text, 'latin1'), error: error && readableError(error) }
  } catch (error) {
    if (TransloadError.is(error)) throw readableError(error)
    // Strings too long, calls too deep: within the limits of templates, but not of the machine.
    if (error instanceof RangeError) throw new TransloadError('USAGE', `template: ${name}: ${error.message}`)
    throw error
  }
}

function execute(format: string, data: GoValue): Printed {
  const template = parseFormat(format)
  const element: GoValue = { kind: 'interface', type: anyType, target: data }
  const printed = executeTemplate(template, goSlice([element], sliceType(anyType)))
  return format.startsWith(tableWord) ? { ...printed, text: alignColumns(printed.text) } : printed
}

/** With `\t` and `\n` as what they mean; or, where the template has strings with them, which then end early, as it is. */
function parseFormat(format: string): Template {
  const isTable = format.startsWith(tableWord)
  const normal = normalize(format, isTable)
  try {
    return parseTemplate(name, isTable ? inRange(normal) : withRange(normal))
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    const asIs = isTable ? inRange(format.slice(tableWord.length)) : withRange(format)
    return parseTemplate(name, asIs)
  }
}

function normalize(format: string, isTable: boolean): string {
  const meanings: Readonly<Record<string, string>> = { [tableWord]: '', '\\t': '\t', ' ': '\t', '\\n': '\n' }
  const text = format.replaceAll(isTable ? /table |\\t| |\\n/g : /\\t|\\n/g, (word) => meanings[word]!)
  return text.endsWith('\n') ? text : `${text}\n`
}

/** The object is the only one of a list. */
function withRange(text: string): string {
  return /\{\{\s*range\s*\.\s*\}\}.*\{\{\s*end\s*-?\s*\}\}/s.test(text) ? text : inRange(text)
}

function inRange(text: string): string {
  return `{{range .}}${text}{{end -}}`
}

function readableError({ code, message, cause }: TransloadError): TransloadError {
  return new TransloadError(code, fromBytes(message), { cause })
}
