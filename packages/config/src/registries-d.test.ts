import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Locations } from './locations.ts'
import { defaultLookasideUrl, lookasideUrl, readRegistriesD, usesSigstoreAttachments } from './registries-d.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: {}, home: join(root, 'home'), root, uid: 1, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

async function write(name: string, text: string): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}

test("the directory is the one named, the user's, or the system's", async () => {
  expect(await readRegistriesD(locations)).toMatchObject({ directory: join(root, 'etc/containers/registries.d') })
  await write('home/.config/containers/registries.d/a.txt', 'not: [yaml')
  const user = join(root, 'home/.config/containers/registries.d')
  expect(await readRegistriesD(locations)).toEqual({ directory: user, default: undefined, namespaces: new Map() })
  const none = join(root, 'none')
  expect(await readRegistriesD(locations, { directory: none })).toMatchObject({ directory: none })
})

test('each value is looked up on its own', async () => {
  await write('d/0.yaml', '# comments\n  # only\n')
  await write(
    'd/1.yaml',
    'default-docker:\n  lookaside: https://default.test\n  use-sigstore-attachments: yes\n  unknown: 1\n',
  )
  await write(
    'd/2.yaml',
    'docker:\n  a.test/x:\n    sigstore-staging: file:///staging\n  a.test:\n    sigstore: https://old.test\n    lookaside: https://a.test\n    use-sigstore-attachments: false\n  "*.b.test":\n',
  )
  const config = await readRegistriesD(locations, { directory: join(root, 'd') })
  const inX = ['a.test/x:1', 'a.test/x', 'a.test']
  expect(lookasideUrl(config, inX, 'read')).toBe('https://a.test')
  expect(lookasideUrl(config, inX, 'write')).toBe('file:///staging')
  expect(usesSigstoreAttachments(config, inX)).toBe(false)
  expect(lookasideUrl(config, ['c.test/x', 'c.test'], 'write')).toBe('https://default.test')
  expect(usesSigstoreAttachments(config, ['v.b.test/x', 'v.b.test', '*.b.test'])).toBe(true)
  const empty = { ...config, default: undefined, namespaces: new Map() }
  expect(lookasideUrl(empty, inX, 'read')).toBeUndefined()
  expect(usesSigstoreAttachments(empty, inX)).toBe(false)
})

test('without configuration signatures are with the data of the user', () => {
  const { href } = pathToFileURL(root)
  expect(defaultLookasideUrl(locations)).toBe(`${href}/home/.local/share/containers/sigstore`)
  expect(defaultLookasideUrl({ ...locations, uid: 0 })).toBe(`${href}/var/lib/containers/sigstore`)
  const outside = { ...locations, uid: 0, env: { _CONTAINERS_ROOTLESS_UID: '1000' } }
  expect(defaultLookasideUrl(outside)).toBe(`${href}/home/.local/share/containers/sigstore`)
})

test('nothing is said twice', async () => {
  const text = 'docker:\n  a.test:\n    lookaside: https://a.test\n'
  const [first, second] = [await write('d/1.yaml', text), await write('d/2.yaml', text)]
  await expect(readRegistriesD(locations, { directory: join(root, 'd') })).rejects.toThrow(
    `Error parsing signature storage configuration: "docker" namespace "a.test" defined both in "${first}" and "${second}"`,
  )
  await write('d/1.yaml', 'default-docker: {}')
  await write('d/2.yaml', 'default-docker: {}')
  await expect(readRegistriesD(locations, { directory: join(root, 'd') })).rejects.toThrow(
    `"default-docker" defined both in "${first}" and "${second}"`,
  )
})

test.each([
  'docker: [',
  'docker: [a]',
  'a: 1\na: 2',
  'docker:\n  a: x',
  'default-docker:\n  lookaside: [x]',
  'default-docker:\n  use-sigstore-attachments: maybe',
])('%j is refused', async (text) => {
  const file = await write('d/1.yaml', text)
  const reading = readRegistriesD(locations, { directory: join(root, 'd') })
  await expect(reading).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(reading).rejects.toThrow(`parsing ${file}: `)
})
