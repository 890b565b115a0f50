import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

import { TransloadError } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { checkCredentialFiles, findCredentials } from './find-credentials.ts'
import type { Locations } from './locations.ts'

let root: string
let locations: Locations
let warnings: string[]
const log = (_: string, message: string): void => void warnings.push(message)

beforeEach(async () => {
  warnings = []
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  const home = join(root, 'home')
  const path = [join(root, 'bin'), process.env['PATH']].join(delimiter)
  locations = { env: { PATH: path }, home, root, uid: 1234, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

async function write(name: string, content: unknown): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function writeHelper(name: string, script: string): Promise<void> {
  const path = await write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

function withEnv(env: Record<string, string>): Locations {
  return { ...locations, env: { ...locations.env, ...env } }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function auth(text: string): { auth: string } {
  return { auth: base64(text) }
}

async function userFor(host: string, repository?: string, where = locations): Promise<string | undefined> {
  const found = await findCredentials({ host, repository }, where, { log })
  return found && 'password' in found.credentials
    ? `${found.credentials.username}:${found.credentials.password}`
    : found && JSON.stringify(found.credentials)
}

describe('which file', () => {
  const places = ['run/containers/1234/auth.json', 'home/.config/containers/auth.json', 'home/.docker/config.json']

  test('the first with a match wins, the legacy file last', async () => {
    await write('home/.dockercfg', { 'https://r.test/v1/': auth('legacy:p') })
    expect(await userFor('r.test')).toBe('legacy:p')
    for (const place of places.toReversed()) {
      await write(place, { auths: { 'r.test': auth(`${place}:p`) } })
      expect(await userFor('r.test')).toBe(`${place}:p`)
    }
  })

  test('a file without a match is passed over', async () => {
    await write(places[0]!, { auths: { 'other.test': auth('a:b') } })
    await write(places[2]!, { auths: { 'r.test': auth('c:d') } })
    expect(await userFor('r.test')).toBe('c:d')
    expect(await userFor('absent.test')).toBeUndefined()
  })

  test.each([
    ['XDG_RUNTIME_DIR', 'xdg', 'xdg/containers/auth.json'],
    ['XDG_CONFIG_HOME', 'conf', 'conf/containers/auth.json'],
    ['DOCKER_CONFIG', 'dock', 'dock/config.json'],
  ])('%s', async (name, directory, file) => {
    await write(file, { auths: { 'r.test': auth('env:p') } })
    expect(await userFor('r.test', undefined, withEnv({ [name]: join(root, directory) }))).toBe('env:p')
  })

  test('a runtime directory that is missing is a warning', async () => {
    await write(places[1]!, { auths: { 'r.test': auth('c:d') } })
    const missing = join(root, 'missing')
    expect(await userFor('r.test', undefined, withEnv({ XDG_RUNTIME_DIR: missing }))).toBe('c:d')
    expect(warnings).toEqual([expect.stringContaining('directory set by $XDG_RUNTIME_DIR does not exist')])
  })

  test('--authfile and REGISTRY_AUTH_FILE are exclusive, in that order', async () => {
    await write(places[0]!, { auths: { 'r.test': auth('default:p') } })
    const a = await write('a.json', { auths: { 'a.test': auth('a:p') } })
    const b = await write('b.json', { auths: { 'b.test': auth('b:p') } })
    const where = withEnv({ REGISTRY_AUTH_FILE: a })
    expect(await userFor('a.test', undefined, where)).toBe('a:p')
    expect(await userFor('r.test', undefined, where)).toBeUndefined()
    expect(await findCredentials({ host: 'b.test' }, where, { authFile: b })).toEqual({
      credentials: { username: 'b', password: 'p' },
      file: b,
    })
    expect(await findCredentials({ host: 'a.test' }, where, { authFile: b })).toBeUndefined()
  })

  test.each([
    ['', 'is not valid JSON'],
    ['[]', 'is not a JSON object'],
    ['{"auths":[]}', 'auths is not an object'],
    ['{"auths":{"r.test":{"auth":7}}}', 'r.test.auth is not a string'],
  ])('a malformed file is an error: %s', async (content, problem) => {
    const path = await write(places[1]!, content)
    const error: unknown = await userFor('r.test').catch((caught: unknown) => caught)
    expect(TransloadError.is(error, 'CONFIG_INVALID')).toBe(true)
    expect(String(error)).toContain(`reading JSON file "${path}": unmarshaling JSON at "${path}": `)
    expect(String(error)).toContain(problem)
  })
})

describe('which entry', () => {
  test.each([
    ['the longest key', 'r.test', 'a/b', { 'r.test': 'host', 'r.test/a': 'a', 'r.test/a/b': 'b' }, 'b'],
    ['a namespace', 'r.test', 'a/c', { 'r.test': 'host', 'r.test/a': 'a', 'r.test/a/b': 'b' }, 'a'],
    ['the host', 'r.test', 'x/y', { 'r.test': 'host', 'r.test/a': 'a' }, 'host'],
    ['not half a component', 'r.test', 'ab', { 'r.test/a': 'a' }, undefined],
    ['the port counts', 'r.test:5000', 'a', { 'r.test': 'host' }, undefined],
    ['a URL', 'r.test', 'a', { 'https://r.test/v2/': 'url' }, 'url'],
    ['no URL with a namespace', 'r.test', 'a', { 'r.test/v2/': 'odd' }, undefined],
    ['the Hub under its URL', 'docker.io', 'library/a', { 'https://index.docker.io/v1/': 'hub' }, 'hub'],
    ['the Hub under its server', 'docker.io', 'library/a', { 'registry-1.docker.io': 'hub' }, 'hub'],
    ['the Hub by its name first', 'docker.io', 'a', { 'https://index.docker.io/v1/': 'x', 'docker.io': 'y' }, 'y'],
  ])('%s', async (_, host, repository, keys, expected) => {
    const auths = Object.fromEntries(Object.entries(keys).map(([key, user]) => [key, auth(`${user}:p`)]))
    await write('home/.docker/config.json', { auths })
    expect(await userFor(host, repository)).toBe(expected && `${expected}:p`)
  })

  test.each([
    ['user:pass:word', 'user:pass:word'],
    ['user:pass\0\0', 'user:pass'],
    ['user:', 'user:'],
  ])('the password of %j', async (text, expected) => {
    await write('home/.docker/config.json', { auths: { 'r.test': auth(text) } })
    expect(await userFor('r.test')).toBe(expected)
  })

  test('an empty entry sends to the next file, not to the next key', async () => {
    await write('home/.config/containers/auth.json', { auths: { 'r.test/a': {}, 'r.test': auth('next:key') } })
    expect(await userFor('r.test', 'a')).toBeUndefined()
    await write('home/.docker/config.json', { auths: { 'r.test': auth('next:file') } })
    expect(await userFor('r.test', 'a')).toBe('next:file')
  })

  test('an entry without a colon is a warning, bad base64 an error', async () => {
    await write('home/.docker/config.json', { auths: { 'r.test': auth('secret') } })
    expect(await userFor('r.test')).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('are not USER:PASSWORD')])
    expect(warnings[0]).not.toContain('secret')
    await write('home/.docker/config.json', { auths: { 'r.test': { auth: 'a:b' } } })
    await expect(userFor('r.test')).rejects.toThrow('illegal base64 data')
  })

  test('an identity token counts beside a valid auth', async () => {
    const path = 'home/.docker/config.json'
    await write(path, { auths: { 'r.test': { ...auth('user:'), identitytoken: 'T' } } })
    expect(await userFor('r.test')).toBe('{"identityToken":"T","username":"user"}')
    await write(path, { auths: { 'r.test': { identitytoken: 'T' } } })
    expect(await userFor('r.test')).toBeUndefined()
  })
})

describe('helpers', () => {
  const config = 'home/.docker/config.json'
  const answering = `read -r server; printf '{"ServerURL":"%s","Username":"%s","Secret":"from-%s"}' "$server" "$server" "$1"`

  test('credHelpers is asked with the host, and found with its name', async () => {
    await writeHelper('sample', answering)
    const file = await write(config, { credHelpers: { 'r.test': 'sample' }, auths: { 'r.test/a': auth('a:b') } })
    expect(await findCredentials({ host: 'r.test', repository: 'a' }, locations)).toEqual({
      credentials: { username: 'r.test', password: 'from-get' },
      file,
      helper: 'sample',
    })
  })

  test('its no is final for the file', async () => {
    await writeHelper('empty', 'cat >/dev/null; echo credentials not found in native keychain; exit 1')
    await write(config, { credHelpers: { 'r.test': 'empty' }, auths: { 'r.test': auth('a:b') } })
    expect(await userFor('r.test')).toBeUndefined()
  })

  test('an identity token', async () => {
    await writeHelper('token', `echo '{"Username":"<token>","Secret":"T"}'`)
    await write(config, { credHelpers: { 'r.test': 'token' } })
    expect(await userFor('r.test')).toBe('{"identityToken":"T"}')
  })

  test('a failure, with what the helper said', async () => {
    await writeHelper('failing', 'echo no keychain; exit 3')
    await write(config, { credHelpers: { 'r.test': 'failing', 'm.test': 'missing', 'p.test': '../../bin/x' } })
    await expect(userFor('r.test')).rejects.toThrow(
      'error getting credentials - err: exit status 3, out: `no keychain`',
    )
    await expect(userFor('m.test')).rejects.toThrow(
      'err: exec: "docker-credential-missing": executable file not found in $PATH',
    )
    await expect(userFor('p.test')).rejects.toThrow('not the name of a program')
  })

  test('credsStore comes after auths, and knows the Hub by its URL', async () => {
    await writeHelper('sample', answering)
    await write(config, { credsStore: 'sample', auths: { 'r.test': auth('a:b'), 'kept.test': {} } })
    expect(await userFor('r.test')).toBe('a:b')
    expect(await userFor('other.test:5000')).toBe('other.test:5000:from-get')
    expect(await userFor('docker.io', 'library/a')).toBe('https://index.docker.io/v1/:from-get')
  })

  test('a credsStore that fails is a warning', async () => {
    await write(config, { credsStore: 'missing' })
    expect(await userFor('r.test')).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('docker-credential-missing')])
  })

  test('an abort ends the helper', async () => {
    await writeHelper('slow', 'exec sleep 60')
    await write(config, { credHelpers: { 'r.test': 'slow' } })
    const controller = new AbortController()
    const finding = findCredentials({ host: 'r.test' }, locations, { signal: controller.signal })
    const reason = new Error('enough')
    setImmediate(() => controller.abort(reason))
    await expect(finding).rejects.toBe(reason)
  })
})

function answer(user: string): string {
  return `echo '{"ServerURL":"x","Username":"${user}","Secret":"s"}'`
}

async function find(credentialHelpers: readonly string[]): ReturnType<typeof findCredentials> {
  return await findCredentials({ host: 'r.test', repository: 'a/b' }, locations, { log, credentialHelpers })
}

describe('the helpers of registries.conf', () => {
  test('are asked in order, for the host, and the files among them', async () => {
    await writeHelper('none', "echo 'credentials not found in native keychain'; exit 1")
    await writeHelper('host', `test "$(cat)" = r.test && ${answer('from-helper')}`)
    expect(await find(['none', 'host'])).toEqual({
      credentials: { username: 'from-helper', password: 's' },
      helper: 'host',
    })
    const file = await write('run/containers/1234/auth.json', { auths: { 'r.test/a': auth('in-file:p') } })
    const inFile = { credentials: { username: 'in-file', password: 'p' }, file }
    expect(await find(['none', 'containers-auth.json', 'host'])).toEqual(inFile)
    expect(await find(['host', 'containers-auth.json'])).toMatchObject({ helper: 'host' })
    expect(await find(['none'])).toBeUndefined()
    expect(await find([])).toBeUndefined()
  })

  test('that fail are passed over, and named if nobody has any', async () => {
    await writeHelper('bad', 'echo broken; exit 3')
    await writeHelper('good', answer('u'))
    expect(await find(['bad', 'missing', 'good'])).toMatchObject({ helper: 'good' })
    await expect(find(['bad'])).rejects.toThrow(/^error getting credentials - err: exit status 3, out: `broken`$/)
    await expect(find(['bad', 'missing'])).rejects.toThrow(
      /^errors looking up credentials:\n\t\* error getting credentials - err: exit status 3, .*\n\t\* .*docker-credential-missing/,
    )
  })
})

describe('checking the files', () => {
  const host = 'quay.io'

  test('asks no helper, and stops where credentials are looked for no further', async () => {
    const authFile = await write('auth.json', { credHelpers: { [host]: 'absent' } })
    await expect(checkCredentialFiles({ host }, locations, { authFile })).resolves.toBeUndefined()
    await write('home/.config/containers/auth.json', { auths: { [host]: auth('u:p') } })
    await write('home/.docker/config.json', '{')
    await expect(checkCredentialFiles({ host }, locations)).resolves.toBeUndefined()
    await expect(checkCredentialFiles({ host: 'other.io' }, locations)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  test('says nothing of files that are not there, or not the only place', async () => {
    await expect(checkCredentialFiles({ host }, locations, { authFile: join(root, 'none') })).resolves.toBeUndefined()
    const authFile = await write('auth.json', '{')
    const credentialHelpers = ['containers-auth.json', 'other']
    await expect(checkCredentialFiles({ host }, locations, { authFile, credentialHelpers })).resolves.toBeUndefined()
  })
})
