import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { checkAuthFile } from './auth-file.ts'
import type { AuthTarget } from './auth-target.ts'
import { parseCredentialKey } from './credential-key.ts'
import { removeAllCredentials, removeCredentials, storeCredentials } from './edit-credentials.ts'
import type { Locations } from './locations.ts'

let root: string
let locations: Locations
let target: AuthTarget
let docker: AuthTarget
const user = { username: 'testuser', password: 'testpassword' }

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  const path = [join(root, 'bin'), process.env['PATH']].join(delimiter)
  locations = { env: { PATH: path }, home: join(root, 'home'), root, uid: 7, platform: 'linux' }
  target = { path: join(root, 'deep/auth.json'), format: 'containers' }
  docker = { path: join(root, 'config.json'), format: 'docker' }
})

afterEach(() => rm(root, { recursive: true }))

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}

function store(where: AuthTarget, key: string): Promise<string | undefined> {
  return storeCredentials(where, parseCredentialKey(key), user, locations)
}

function remove(where: AuthTarget, key: string): Promise<boolean> {
  return removeCredentials(where, parseCredentialKey(key), locations)
}

/** Keeps what it is told in files of its own directory, one for each server. */
async function writeHelper(): Promise<string> {
  const kept = join(root, 'kept')
  await mkdir(join(root, 'bin'))
  await mkdir(kept)
  const program = join(root, 'bin/docker-credential-files')
  await writeFile(
    program,
    `#!/bin/sh
read -r input
case $1 in
store) printf %s "$input" >'${kept}'/stored ;;
list) echo '{"r.test":"testuser"}' ;;
erase) test -e '${kept}'/stored || { echo credentials not found in native keychain; exit 1; }
  rm '${kept}'/stored ;;
esac
`,
  )
  await chmod(program, 0o755)
  return join(kept, 'stored')
}

describe('login', () => {
  test('writes what the other tools write, privately', async () => {
    await store(target, 'localhost:5101')
    expect(await readFile(target.path, 'utf8')).toBe(
      '{\n\t"auths": {\n\t\t"localhost:5101": {\n\t\t\t"auth": "dGVzdHVzZXI6dGVzdHBhc3N3b3Jk"\n\t\t}\n\t}\n}',
    )
    expect((await stat(target.path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(root, 'deep'))).mode & 0o777).toBe(0o700)
    expect(await readdir(join(root, 'deep'))).toEqual(['auth.json'])
  })

  test('keeps everything else in the file', async () => {
    await writeFile(docker.path, '{"HttpHeaders":{"a":"<b>"},"auths":{"z.test":{"auth":"YTpi","email":"e"}}}')
    await store(docker, 'a.test')
    expect(await readFile(docker.path, 'utf8')).toMatch(
      /^\{\n\t"HttpHeaders": \{\n\t\t"a": "\\u003cb\\u003e"\n\t\},\n\t"auths": \{\n\t\t"a\.test"/,
    )
    expect(await readJson(docker.path)).toEqual({
      HttpHeaders: { a: '<b>' },
      auths: { 'a.test': { auth: expect.any(String) }, 'z.test': { auth: 'YTpi', email: 'e' } },
    })
  })

  test('a Docker file has the Hub under its URL, and no namespaces', async () => {
    await store(docker, 'docker.io')
    expect(await readJson(docker.path)).toEqual({
      auths: { 'https://index.docker.io/v1/': { auth: expect.any(String) } },
    })
    await expect(store(docker, 'r.test/a')).rejects.toThrow(
      'Credentials cannot be recorded in Docker-compatible format with namespaced key "r.test/a"',
    )
    expect(await remove(docker, 'docker.io')).toBe(true)
  })

  test('a helper named for the key takes them, and the file stays', async () => {
    const stored = await writeHelper()
    const before = '{"credHelpers":{"r.test":"files"}}'
    await writeFile(docker.path, before)
    expect(await store(docker, 'r.test')).toBe('files')
    expect(await readJson(stored)).toEqual({ ServerURL: 'r.test', Username: 'testuser', Secret: 'testpassword' })
    expect(await readFile(docker.path, 'utf8')).toBe(before)
    expect(await remove(docker, 'r.test')).toBe(true)
    expect(await remove(docker, 'r.test')).toBe(false)
  })

  test('a symbolic link stays one', async () => {
    await writeFile(docker.path, '{}')
    const link = join(root, 'link.json')
    await symlink(docker.path, link)
    await store({ path: link, format: 'containers' }, 'r.test')
    expect(await readJson(docker.path)).toHaveProperty(['auths', 'r.test'])
    expect(
      (await readdir(root, { withFileTypes: true })).find((entry) => entry.name === 'link.json')?.isSymbolicLink(),
    ).toBe(true)
  })

  test('a malformed file is left as it is', async () => {
    await writeFile(docker.path, '{"auths":')
    await expect(store(docker, 'r.test')).rejects.toThrow('is not valid JSON')
    expect(await readFile(docker.path, 'utf8')).toBe('{"auths":')
  })
})

describe('logout', () => {
  test('removes exactly the key', async () => {
    await store(target, 'r.test')
    await store(target, 'r.test/a')
    expect(await remove(target, 'r.test/b')).toBe(false)
    expect(await remove(target, 'r.test')).toBe(true)
    expect(await readJson(target.path)).toEqual({ auths: { 'r.test/a': { auth: expect.any(String) } } })
  })

  test('all of them, in helpers too', async () => {
    const stored = await writeHelper()
    await writeFile(stored, '')
    await writeFile(docker.path, '{"x":1,"auths":{"a.test":{}},"credHelpers":{"r.test":"files"}}')
    await removeAllCredentials(docker, locations)
    expect(await readJson(docker.path)).toEqual({ x: 1, auths: {} })
    await expect(readFile(stored)).rejects.toThrow('ENOENT')
  })

  test('a file that was named must be there', async () => {
    await expect(checkAuthFile(target.path)).rejects.toThrow(
      `credential file is not accessible: faccessat ${target.path}: no such file or directory`,
    )
    await store(target, 'r.test')
    await expect(checkAuthFile(target.path)).resolves.toBeUndefined()
  })
})

function helpers(...credentialHelpers: string[]): { readonly credentialHelpers: readonly string[] } {
  return { credentialHelpers }
}

describe('the helpers of registries.conf', () => {
  const files = 'containers-auth.json'

  test('the first that takes them has them', async () => {
    const stored = await writeHelper()
    const key = parseCredentialKey('r.test')
    expect(await storeCredentials(target, key, user, locations, helpers('missing', 'files', files))).toBe('files')
    expect(await readJson(stored)).toMatchObject({ ServerURL: 'r.test' })
    await expect(readFile(target.path)).rejects.toThrow('ENOENT')
    expect(await removeCredentials(target, key, locations, helpers('files', files))).toBe(true)
    expect(await removeCredentials(target, key, locations, helpers('files', files))).toBe(false)
  })

  test('take hosts only', async () => {
    await writeHelper()
    const key = parseCredentialKey('r.test/a')
    expect(await storeCredentials(target, key, user, locations, helpers('files', files))).toBeUndefined()
    expect(await readJson(target.path)).toHaveProperty(['auths', 'r.test/a'])
    await expect(storeCredentials(target, key, user, locations, helpers('files'))).rejects.toThrow(
      'namespaced key is not supported for credential helper files',
    )
    expect(await removeCredentials(target, key, locations, helpers('files', files))).toBe(true)
  })

  test('that fail are all named', async () => {
    const key = parseCredentialKey('r.test')
    await expect(storeCredentials(target, key, user, locations, helpers('no', 'nor'))).rejects.toThrow(
      /^Errors storing credentials\n\t\* .*docker-credential-no".*\n\t\* .*docker-credential-nor"/,
    )
    await storeCredentials(target, key, user, locations)
    await expect(removeCredentials(target, key, locations, helpers('no', files))).rejects.toThrow(
      'removing credentials for r.test from credential helper no: error erasing credentials',
    )
    expect(await readJson(target.path)).toEqual({ auths: {} })
  })

  test('are not for Docker files', async () => {
    const key = parseCredentialKey('r.test')
    expect(await storeCredentials(docker, key, user, locations, helpers('missing'))).toBeUndefined()
    expect(await readJson(docker.path)).toHaveProperty(['auths', 'r.test'])
  })

  test('lose everything', async () => {
    const stored = await writeHelper()
    await storeCredentials(target, parseCredentialKey('r.test'), user, locations, helpers('files'))
    await removeAllCredentials(target, locations, helpers('files', files))
    await expect(readFile(stored)).rejects.toThrow('ENOENT')
    await expect(removeAllCredentials(target, locations, helpers('missing'))).resolves.toBeUndefined()
  })
})
