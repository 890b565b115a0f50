import { expect, test } from 'vitest'

import { readAliasLines } from './alias-lines.ts'
import { parseRegistriesFile } from './registries-file.ts'
import { parseAliases } from './short-name-aliases.ts'

test('reads what the TOML parser reads', () => {
  const text = `# Aliases.
[aliases]
  # almalinux
  "almalinux" = "docker.io/library/almalinux"
\t"ubi8/ubi-init"="registry.access.redhat.com/ubi8-init" # of Red Hat
  "host" = "localhost:5000/a_b/c"
  "gone" = ""
`
  const aliases = readAliasLines(text)
  expect(aliases).toHaveLength(4)
  expect(parseAliases(aliases ?? [], 'a.conf')).toEqual(
    parseRegistriesFile(text, 'a.conf', { allowsVersion1: false }).aliases,
  )
})

test.each([
  ['another table', '[aliases]\n"a" = "b.test/a"\n[[registry]]\nlocation = "c.test"'],
  ['a key at the top', 'short-name-mode = "disabled"\n[aliases]\n"a" = "b.test/a"'],
  ['a bare key', '[aliases]\na = "b.test/a"'],
  ['an escape', '[aliases]\n"a" = "b.test/\\u0061"'],
  ['an alias before the header', '"a" = "b.test/a"\n[aliases]'],
  ['the header twice', '[aliases]\n[aliases]'],
  ['an alias twice', '[aliases]\n"a" = "b.test/a"\n"a" = "c.test/a"'],
  ['text behind a value', '[aliases]\n"a" = "b.test/a" x'],
  ['a number', '[aliases]\n"a" = 1'],
  ['an unclosed text', '[aliases]\n"a" = "b.test/a'],
  ['a control character in a comment', '[aliases]\n# \u0001'],
])('leaves %s to the TOML parser', (_, text) => {
  expect(readAliasLines(text)).toBeUndefined()
})
