import { isPrintable, runes } from './byte-text.ts'

const htmlEscapes: Readonly<Record<string, string>> = {
  '\0': '\xef\xbf\xbd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

export function escapeHtml(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\0"'&<>]/g, (character) => htmlEscapes[character]!)
}

/** For inside a string of JavaScript. */
export function escapeJs(text: string): string {
  let escaped = ''
  for (const { character, code, position, width } of runes(text)) {
    if (/[\\'"]/.test(character)) escaped += `\\${character}`
    else if (/[<>&=]/.test(character) || code < 0x20) escaped += `\\u${hex(code, 4)}`
    else if (code < 0x80 || isPrintable(character)) escaped += text.slice(position, position + width)
    else escaped += `\\u${hex(code, 4)}`
  }
  return escaped
}

/** For a value in the query of a URL. */
export function escapeQuery(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9\-._~]/g, (character) => {
    return character === ' ' ? '+' : `%${hex(character.charCodeAt(0), 2)}`
  })
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, '0')
}
