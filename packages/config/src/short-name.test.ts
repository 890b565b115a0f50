import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canonicalText } from '@transload/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Locations } from './locations.ts'
import { readRegistriesConf, type RegistriesConf } from './registries-conf.ts'
import { readLearnedAliases, resolveShortName } from './short-name.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: {}, home: join(root, 'home'), root, uid: 1, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

async function readConf(text: string): Promise<RegistriesConf> {
  const registriesFile = join(root, 'r.conf')
  await writeFile(registriesFile, text)
  return await readRegistriesConf(locations, { registriesFile })
}

async function writeLearned(directory: string, text: string): Promise<void> {
  await mkdir(join(root, directory, 'containers'), { recursive: true })
  await writeFile(join(root, directory, 'containers/short-name-aliases.conf'), text)
}

const two = 'unqualified-search-registries = ["a.test", "docker.io"]\n'
const alias = '[aliases]\nnginx = "docker.io/library/nginx"\noff = ""\n'
const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['nginx', two + alias, ['docker.io/library/nginx:latest'], 'all'],
  ['nginx:1', alias, ['docker.io/library/nginx:1'], 'all'],
  [`nginx@${digest}`, alias, [`docker.io/library/nginx@${digest}`], 'all'],
  ['x/nginx', two + alias, ['a.test/x/nginx:latest', 'docker.io/x/nginx:latest'], 'ask'],
  ['off', two + alias, ['a.test/off:latest', 'docker.io/library/off:latest'], 'ask'],
  ['app:2', `${two}short-name-mode = "disabled"`, ['a.test/app:2', 'docker.io/library/app:2'], 'all'],
  ['app', 'unqualified-search-registries = ["a.test:5000"]', ['a.test:5000/app:latest'], 'all'],
  ['q.test/app', two, ['q.test/app:latest'], 'all'],
  ['localhost/app:1', '', ['localhost/app:1'], 'all'],
])('%s with %j', async (name, text, candidates, choice) => {
  const resolution = resolveShortName(await readConf(text), name)
  expect(resolution.candidates.map(canonicalText)).toEqual(candidates)
  expect(resolution.choice).toBe(choice)
})

test('with neither alias nor registries to search', async () => {
  const conf = await readConf(alias)
  expect(() => resolveShortName(conf, 'app')).toThrow(
    `short-name "app" did not resolve to an alias and no unqualified-search registries are defined in "${conf.file}"`,
  )
})

test('what was learned comes first', async () => {
  expect(await readLearnedAliases(locations)).toEqual(new Map())
  await writeLearned('home/.cache', '[aliases]\n  "nginx" = "quay.test/nginx"\n')
  const learned = await readLearnedAliases(locations)
  expect(resolveShortName(await readConf(alias), 'nginx', learned).candidates.map(canonicalText)).toEqual([
    'quay.test/nginx:latest',
  ])
  await writeLearned('var/cache', '[aliases]\nx = "y"')
  await expect(readLearnedAliases({ ...locations, uid: 0 })).rejects.toThrow(
    /^loading short-name aliases config file ".*": validating short-name aliases: invalid alias "y": must contain registry/,
  )
})
