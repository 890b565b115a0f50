import { canonicalText, parseDockerReference } from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { blockedReason, findRegistry, pullSources, registryEndpoints } from './find-registry.ts'
import type { RegistriesConf } from './registries-conf.ts'
import { parseRegistriesFile } from './registries-file.ts'

function confOf(text: string): RegistriesConf {
  const { registries } = parseRegistriesFile(text, 'r.conf', { allowsVersion1: true })
  return {
    file: 'r.conf',
    dropInDirectory: 'r.conf.d',
    registries,
    unqualifiedSearchRegistries: [],
    unqualifiedSearchFile: 'r.conf',
    credentialHelpers: [],
    shortNameMode: 'permissive',
    aliases: new Map(),
  }
}

describe('the prefix', () => {
  const prefixes = ['a.test', 'a.test/b', 'a.test/b/c', 'port.test:5000', '*.w.test', '*.x.w.test', 'y.w.test']
  const conf = confOf(prefixes.map((prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "l.test"`).join('\n'))

  test.each([
    ['a.test', 'a.test'],
    ['a.test/x', 'a.test'],
    ['a.test/bb', 'a.test'],
    ['a.test/b', 'a.test/b'],
    ['a.test/b/c/d', 'a.test/b/c'],
    ['a.test:5000/x', 'a.test'],
    ['port.test:5000/x', 'port.test:5000'],
    ['port.test/x', undefined],
    ['a.tests/x', undefined],
    ['w.test/x', undefined],
    ['v.w.test/x', '*.w.test'],
    ['u.v.w.test:5000/x', '*.w.test'],
    ['v.x.w.test/x', '*.x.w.test'],
    ['y.w.test/x', '*.w.test'],
    ['w.tests/x.w.test/y', undefined],
    ['v.w.testing/x', undefined],
  ])('of %s is %s', (name, prefix) => {
    expect(findRegistry(conf, name)?.prefix).toBe(prefix)
  })
})

const digest = `sha256:${'a'.repeat(64)}`

describe('pull sources', () => {
  const conf = confOf(`
    [[registry]]
    prefix = "a.test/team"
    location = "b.test/other"
    insecure = true
    [[registry.mirror]]
    location = "m.test/any"
    [[registry.mirror]]
    location = "d.test"
    pull-from-mirror = "digest-only"
    [[registry.mirror]]
    location = "t.test"
    pull-from-mirror = "tag-only"
    insecure = true
    [[registry]]
    location = "c.test"
    mirror-by-digest-only = true
    [[registry.mirror]]
    location = "m.test"
    [[registry]]
    prefix = "*.w.test"
    [[registry.mirror]]
    location = "m.test/w"
    [[registry]]
    prefix = "docker.io/library"
    location = "m.test/hub"
    [[registry]]
    prefix = "bad.test"
    location = "m.test/UPPER"
  `)

  test.each([
    ['a.test/team/x:1', ['m.test/any/x:1', 't.test/x:1 insecure', 'b.test/other/x:1 insecure']],
    [`a.test/team/x@${digest}`, [`m.test/any/x@${digest}`, `d.test/x@${digest}`, `b.test/other/x@${digest} insecure`]],
    ['a.test/else:1', ['a.test/else:1']],
    ['c.test/x:1', ['c.test/x:1']],
    [`c.test/x@${digest}`, [`m.test/x@${digest}`, `c.test/x@${digest}`]],
    ['v.w.test/x:1', ['m.test/w/x:1', 'v.w.test/x:1']],
    ['busybox:1', ['m.test/hub/busybox:1']],
  ])('of %s', (text, expected) => {
    const sources = pullSources(conf, parseDockerReference(text))
    expect(
      sources.map(({ reference, insecure }) => `${canonicalText(reference)}${insecure ? ' insecure' : ''}`),
    ).toEqual(expected)
  })

  test('that make no name are refused', () => {
    expect(() => pullSources(conf, parseDockerReference('bad.test/x:1'))).toThrow(
      'rewriting reference: invalid reference format: repository name must be lowercase',
    )
    expect(() =>
      pullSources(
        confOf('[[registry]]\nlocation = "c.test/d"\nprefix = "a.test"'),
        parseDockerReference('a.test:5000/x:1'),
      ),
    ).toThrow('rewriting reference: invalid reference format')
  })
})

test('a blocked registry says where', () => {
  const conf = confOf('[[registry]]\nlocation = "a.test/b"\nblocked = true\n[[registry]]\nlocation = "c.test"')
  expect(blockedReason(conf, 'a.test/b/x')).toBe('registry a.test/b is blocked in r.conf or r.conf.d')
  expect(blockedReason(conf, 'a.test/x')).toBeUndefined()
  expect(blockedReason(conf, 'c.test/x')).toBeUndefined()
})

test('endpoints: mirrors of a blocked registry are read, it is not; writing goes to the name itself', () => {
  const conf = confOf(
    '[[registry]]\nlocation = "a.test"\nblocked = true\ninsecure = true\n[[registry.mirror]]\nlocation = "m.test/a"',
  )
  const reference = parseDockerReference('a.test/x:1')
  const blocked = 'registry a.test is blocked in r.conf or r.conf.d'
  const itself = { reference, insecure: true, blocked }
  expect(registryEndpoints(conf, reference, 'read')).toEqual([
    { reference: parseDockerReference('m.test/a/x:1'), insecure: false, blocked: undefined },
    itself,
  ])
  expect(registryEndpoints(conf, reference, 'manage')).toEqual([itself])
})
