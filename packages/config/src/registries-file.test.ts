import { describe, expect, test } from 'vitest'

import { parseRegistriesFile, type RegistriesFile } from './registries-file.ts'

function parse(text: string, allowsVersion1 = true): RegistriesFile {
  return parseRegistriesFile(text, 'r.conf', { allowsVersion1 })
}

describe('a registry', () => {
  test('its location is its prefix, unless it has one of its own', () => {
    const { registries } = parse(`
      [[registry]]
      location = "a.test/x//"
      [[registry]]
      prefix = "b.test"
      location = "c.test/y"
      insecure = true
      blocked = true
      [[registry]]
      prefix = "*.d.test"
    `)
    expect(registries).toEqual([
      { prefix: '*.d.test', location: undefined, insecure: false, blocked: false, mirrors: [] },
      { prefix: 'a.test/x', location: 'a.test/x', insecure: false, blocked: false, mirrors: [] },
      { prefix: 'b.test', location: 'c.test/y', insecure: true, blocked: true, mirrors: [] },
    ])
  })

  test('has mirrors for all references, or for those with or without a digest', () => {
    const { registries } = parse(`
      [[registry]]
      location = "a.test"
      [[registry.mirror]]
      location = "m1.test"
      insecure = true
      [[registry.mirror]]
      location = "m2.test/"
      pull-from-mirror = "tag-only"
      [[registry]]
      location = "b.test"
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "m3.test"
    `)
    expect(registries.map(({ prefix, mirrors }) => [prefix, mirrors])).toEqual([
      [
        'a.test',
        [
          { location: 'm1.test', insecure: true, pulls: 'all' },
          { location: 'm2.test', insecure: false, pulls: 'tag-only' },
        ],
      ],
      ['b.test', [{ location: 'm3.test', insecure: false, pulls: 'digest-only' }]],
    ])
  })

  test('the first of two with the same prefix counts', () => {
    const text = ['a', 'b'].map((host) => `[[registry]]\nprefix = "p.test"\nlocation = "${host}.test"`).join('\n')
    expect(parse(text).registries.map(({ location }) => location)).toEqual(['a.test'])
  })
})

test('unknown keys are ignored, and what is not said is absent', () => {
  expect(parse('surprise = 1\n[other]\nx = []')).toEqual({ file: 'r.conf', registries: [], aliases: new Map() })
})

test('everything else', () => {
  expect(
    parse(`
      unqualified-search-registries = ["a.test:5000", "docker.io/"]
      credential-helpers = ["x"]
      short-name-mode = "enforcing"
      [aliases]
      nginx = "docker.io/nginx"
      "my/app" = "localhost/my/app"
      gone = ""
    `),
  ).toMatchObject({
    unqualifiedSearchRegistries: ['a.test:5000', 'docker.io'],
    credentialHelpers: ['x'],
    shortNameMode: 'enforcing',
    aliases: new Map([
      ['nginx', { target: 'docker.io/library/nginx', file: 'r.conf' }],
      ['my/app', { target: 'localhost/my/app', file: 'r.conf' }],
      ['gone', { target: undefined, file: 'r.conf' }],
    ]),
  })
})

describe('version 1', () => {
  const text = `
    [registries.search]
    registries = ["s.test"]
    [registries.insecure]
    registries = ["i.test", "both.test/"]
    [registries.block]
    registries = ["both.test"]
  `

  test('is read', () => {
    const { registries, unqualifiedSearchRegistries } = parse(text)
    expect(unqualifiedSearchRegistries).toEqual(['s.test'])
    expect(
      Object.fromEntries(registries.map(({ prefix, insecure, blocked }) => [prefix, [insecure, blocked]])),
    ).toEqual({ 'i.test': [true, false], 'both.test': [true, true] })
  })

  test('is refused in drop-ins, and beside version 2', () => {
    expect(() => parse(text, false)).toThrow('registry must be in v2 format but is in v1')
    expect(() => parse(`short-name-mode = "disabled"\n${text}`)).toThrow('mixing sysregistry v1/v2 is not supported: ')
  })
})

const registry = '[[registry]]\n'
const mirror = '[[registry]]\nlocation = "a.test"\n[[registry.mirror]]\n'

test.each([
  [registry, 'invalid condition: both location and prefix are unset'],
  [
    `${registry}prefix = "a.test"`,
    'invalid condition: location is unset and prefix is not in the format: *.example.com',
  ],
  [mirror, 'invalid condition: mirror location is unset'],
  [`${registry}location = "https://a.test"`, "invalid location 'https://a.test': URI schemes are not supported"],
  [
    `${mirror}location = "m.test"\npull-from-mirror = "often"`,
    'unsupported pull-from-mirror value "often" for mirror "m.test"',
  ],
  [
    `${registry}location = "a.test"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.test"\npull-from-mirror = "all"`,
    'cannot set mirror usage mirror-by-digest-only for the registry ("a.test") and pull-from-mirror for per-mirror ("m.test") at the same time',
  ],
  [
    `${registry}location = "a.test"\npull-from-mirror = "all"`,
    'pull-from-mirror must not be set for a non-mirror registry "a.test"',
  ],
  [
    `${registry}location = "a.test"\n${registry}location = "a.test"\nprefix = "b.test"\ninsecure = true`,
    "registry 'a.test' is defined multiple times with conflicting 'insecure' setting",
  ],
  [
    `${registry}location = "a.test"\nblocked = true\n${registry}location = "a.test"\nprefix = "b.test"`,
    "registry 'a.test' is defined multiple times with conflicting 'blocked' setting",
  ],
  [
    `${registry}prefix = "*.a.test/x"\nlocation = "b.test"`,
    'Wildcarded prefix should be in the format: *.example.com. Current prefix "*.a.test/x" is incorrectly formatted',
  ],
  ['unqualified-search-registries = ["a.test/x"]', 'Invalid unqualified-search-registries entry "a.test/x"'],
  ['short-name-mode = "maybe"', 'invalid short-name mode: "maybe"'],
  ['[aliases]\n"a.test/x" = "b.test/x"', 'invalid short name "a.test/x": must not contain registry'],
  ['[aliases]\n"x:1" = "b.test/x"', 'invalid short name "x:1": must not contain tag'],
  [
    '[aliases]\nX = "b.test/x"',
    'cannot parse short name: "X": invalid reference format: repository name must be lowercase',
  ],
  ['[aliases]\nx = "b/x"', 'invalid alias "b/x": must contain registry and repository'],
  ['[aliases]\nx = "b.test/x:1"', 'invalid alias "b.test/x:1": must not contain tag'],
  [
    '[aliases]\nx = "b.test/X"',
    'parsing alias "b.test/X": invalid reference format: repository name must be lowercase',
  ],
  [
    `${registry}location = "a"\nblocked = "yes"`,
    'toml: (last key "registry.blocked"): incompatible types: TOML value has type string; destination has type boolean',
  ],
  ['registry = 1', 'TOML value has type integer; destination has type slice'],
  ['credential-helpers = [1.5]', 'TOML value has type float; destination has type string'],
  ['[[aliases]]', 'TOML value has type array; destination has type struct'],
  ['\nnot toml [[', 'toml: line 2: '],
])('%j is refused', (text, message) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(() => parse(text)).toThrow(message)
})
