import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { Locations } from './locations.ts'
import { readRegistriesConf } from './registries-conf.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: {}, home: join(root, 'home'), root, uid: 1, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

const system = 'etc/containers/registries.conf'
const user = 'home/.config/containers/registries.conf'

async function write(name: string, text: string): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}

/** Who says it: the file that a search registry is named for. */
function naming(host: string): string {
  return `unqualified-search-registries = ["${host}"]\n`
}

async function searched(registriesFile?: string): Promise<readonly string[]> {
  return (await readRegistriesConf(locations, { registriesFile })).unqualifiedSearchRegistries
}

test('no file at all is the defaults', async () => {
  expect(await readRegistriesConf(locations)).toEqual({
    file: join(root, system),
    dropInDirectory: join(root, `${user}.d`),
    registries: [],
    unqualifiedSearchRegistries: [],
    unqualifiedSearchFile: join(root, system),
    credentialHelpers: ['containers-auth.json'],
    shortNameMode: 'permissive',
    aliases: new Map(),
  })
})

describe('the main file', () => {
  test("is the system's, the user's, or the one that is named", async () => {
    await write(system, naming('system.test'))
    expect(await searched()).toEqual(['system.test'])
    await write(user, naming('user.test'))
    expect(await searched()).toEqual(['user.test'])
    expect(await searched(await write('named', naming('named.test')))).toEqual(['named.test'])
  })

  test('that is named has to be there', async () => {
    const file = join(root, 'none')
    await expect(readRegistriesConf(locations, { registriesFile: file })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `loading registries configuration "${file}": open ${file}: no such file or directory`,
    })
  })

  test('may be comments only', async () => {
    await write(system, '# one = [\n\n   # two\n')
    expect((await readRegistriesConf(locations)).registries).toEqual([])
  })

  test('is named by what is wrong in it', async () => {
    const file = await write(user, '[[registry]]')
    await expect(readRegistriesConf(locations)).rejects.toThrow(
      `loading registries configuration "${file}": invalid condition: both location and prefix are unset`,
    )
  })
})

describe('drop-ins', () => {
  test("of the system and then of the user, by name; only the user's with a main file of the user", async () => {
    await write(`${system}.d/2.conf`, naming('two.test'))
    await write(`${system}.d/1.conf`, naming('one.test'))
    await write(`${system}.d/3.other`, naming('three.test'))
    await write(`${system}.d/4.conf/5.conf`, naming('five.test'))
    expect(await searched()).toEqual(['two.test'])
    expect(await searched(await write('named', naming('named.test')))).toEqual(['two.test'])
    await write(`${user}.d/1.conf`, naming('user-one.test'))
    expect(await searched()).toEqual(['user-one.test'])
    await rm(join(root, `${user}.d`), { recursive: true })
    await write(user, naming('user.test'))
    expect(await searched()).toEqual(['user.test'])
  })

  test('replace tables and lists, and add to the aliases', async () => {
    await write(
      system,
      `${naming('main.test')}credential-helpers = ["a"]\nshort-name-mode = "disabled"
      [aliases]\none = "a.test/one"\ntwo = "a.test/two"
      [[registry]]\nlocation = "x.test"\ninsecure = true\n[[registry.mirror]]\nlocation = "m.test"
      [[registry]]\nlocation = "z.test"`,
    )
    const dropIn = await write(
      `${system}.d/1.conf`,
      '[aliases]\ntwo = "b.test/two"\n[[registry]]\nlocation = "x.test"\nblocked = true\n[[registry]]\nlocation = "y.test"',
    )
    const conf = await readRegistriesConf(locations)
    expect(
      conf.registries.map(({ prefix, insecure, blocked, mirrors }) => [prefix, insecure, blocked, mirrors]),
    ).toEqual([
      ['x.test', false, true, []],
      ['y.test', false, false, []],
      ['z.test', false, false, []],
    ])
    expect(conf).toMatchObject({
      unqualifiedSearchRegistries: ['main.test'],
      unqualifiedSearchFile: join(root, system),
      credentialHelpers: ['a'],
      shortNameMode: 'disabled',
    })
    expect(conf.aliases.get('one')?.target).toBe('a.test/one')
    expect(conf.aliases.get('two')).toEqual({ target: 'b.test/two', file: dropIn })
    await write(`${system}.d/2.conf`, 'unqualified-search-registries = []\ncredential-helpers = []')
    expect(await readRegistriesConf(locations)).toMatchObject({
      unqualifiedSearchRegistries: [],
      credentialHelpers: ['containers-auth.json'],
    })
  })

  test('are not of version 1', async () => {
    const file = await write(`${system}.d/1.conf`, '[registries.block]\nregistries = ["a.test"]')
    await expect(readRegistriesConf(locations)).rejects.toThrow(
      `loading drop-in registries configuration "${file}": registry must be in v2 format but is in v1`,
    )
  })
})
