/** A URL for people: no credentials, no query (it may carry a signature), no control characters. */
export function displayUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url
  return parsed ? displayText(`${parsed.protocol}//${parsed.host}${parsed.pathname}`) : '(malformed URL)'
}

/** Text from a server or a file, made safe to print: control characters become `?`, and it is cut at `maxLength`. */
export function displayText(text: string, maxLength = 2000): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return cut.replace(/(?![\t\n])\p{Cc}/gu, '?')
}
