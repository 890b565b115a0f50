/**
 * Name and target of each short-name alias of a `registries.conf` that has nothing but `[aliases]`, one a line, in
 * double quotes, as distributions ship it; undefined for any other file, right or wrong: that is the TOML parser's.
 */
export function readAliasLines(text: string): readonly (readonly [name: string, target: string])[] | undefined {
  const aliases = new Map<string, string>()
  let hasHeader = false
  for (const line of text.split('\n')) {
    if (/^[ \t]*(?:#[ -~]*)?$/.test(line)) continue
    const [, name, target] = /^[ \t]*"([\w./-]+)"[ \t]*=[ \t]*"([\w./:@-]*)"[ \t]*(?:#[ -~]*)?$/.exec(line) ?? []
    if (name !== undefined && target !== undefined && hasHeader && !aliases.has(name)) aliases.set(name, target)
    else if (!hasHeader && /^[ \t]*\[aliases\][ \t]*$/.test(line)) hasHeader = true
    else return undefined
  }
  return [...aliases]
}
