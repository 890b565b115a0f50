import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

let user: User
let registry: RegistryServer
let host: string
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({
    directory: join(user.home, 'registry'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4), scheme: 'token' },
  })
  host = registry.host
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await ok(
    'copy',
    '-q',
    '--dest-tls-verify=false',
    '--dest-creds=testuser:testpassword',
    'oci:images:v1',
    image('mine'),
  )
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})
beforeEach(() => rm(join(user.home, 'run/containers'), { recursive: true, force: true }))

function image(tag: string): string {
  return `docker://${host}/busybox:${tag}`
}

function ok(...words: string[]): Promise<string> {
  return user.succeed(words)
}

async function refused(...words: string[]): Promise<void> {
  const outcome = await user.run(words)
  expect(outcome.code).toBe(1)
  expect(outcome.output).toContain('authentication required')
}

const login = ['login', '--tls-verify=false', '--username=testuser', '--password=testpassword']

describe('logged in', () => {
  beforeEach(async () => {
    await ok(...login, host)
  })

  it('AUT-01: the file is written as the other tools write it', async () => {
    const path = join(user.home, 'run/containers/auth.json')
    const auth = Buffer.from('testuser:testpassword').toString('base64')
    expect(await readFile(path, 'utf8')).toBe(
      `{\n\t"auths": {\n\t\t"${host}": {\n\t\t\t"auth": "${auth}"\n\t\t}\n\t}\n}`,
    )
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('AUT-02: --get-login', async () => {
    expect(await ok('login', '--tls-verify=false', '--get-login', host)).toBe('testuser\n')
  })

  it('AUT-03, AUT-06: logout', async () => {
    expect(await ok('logout', host)).toBe(`Removed login credentials for ${host}\n`)
    await refused('inspect', '--tls-verify=false', image('mine'))
    expect(fatalMessage(await user.run(['logout', host]))).toBe(`not logged into ${host}`)
  })

  it('AUT-04, AUT-05: copy and inspect find the credentials', async () => {
    await ok('copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', image('stored'))
    expect(await ok('inspect', '--tls-verify=false', image('stored'))).toContain(`${host}/busybox`)
  })

  it('logging in again needs no password', async () => {
    expect(await ok('login', '--tls-verify=false', host)).toBe(
      `Authenticating with existing credentials for ${host}\nExisting credentials are valid. Already logged in to ${host}\n`,
    )
  })

  it('logout --all', async () => {
    expect(await ok('logout', '--all')).toBe('Removed login credentials for all registries\n')
  })
})

it('AUT-01: login says that it succeeded', async () => {
  expect(await ok(...login, host)).toBe('Login Succeeded!\n')
})

it('login --verbose names the file', async () => {
  expect(await ok(...login, '-v', host)).toBe(
    `Used:  ${join(user.home, 'run/containers/auth.json')}\nLogin Succeeded!\n`,
  )
})

it('login --password-stdin joins the lines', async () => {
  const words = ['login', '--tls-verify=false', '-u', 'testuser', '--password-stdin', host]
  expect(await user.run(words, { input: 'test\npassword\n' })).toMatchObject({ code: 0, stdout: 'Login Succeeded!\n' })
})

it('login --json tells the result as JSON', async () => {
  expect(JSON.parse(await ok(...login, '--json', host))).toEqual({ registry: host, username: 'testuser' })
})

describe('login refuses', () => {
  it.each([
    [
      ['--username=testuser', '--password=wrong'],
      '',
      (name: string) => `logging into "${name}": invalid username/password`,
    ],
    [[], '', () => 'getting username and password: reading username: EOF'],
    [[], 'testuser\n', () => 'getting username and password: reading password: inappropriate ioctl for device'],
    [['--password-stdin', '-u', 'x', '-p', 'y'], '', () => "can't specify both --password-stdin and --password"],
    [['--password-stdin'], '', () => 'must provide --username with --password-stdin'],
    [['--get-login'], '', (name: string) => `not logged into ${name}`],
  ])('%j with %j on stdin', async (flags, input, message) => {
    const outcome = await user.run(['login', '--tls-verify=false', ...flags, host], { input })
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe(message(host))
  })

  it.each(['login', 'logout'])('UNI-21: both file flags, for %s', async (command) => {
    const outcome = await user.run([command, '--authfile=a', '--compat-auth-file=b', host])
    expect(fatalMessage(outcome)).toBe(
      'options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously',
    )
  })

  it('a registry that does not answer', async () => {
    const outcome = await user.run(['login', '--tls-verify=false', '-u', 'a', '-p', 'b', '127.0.0.1:1'])
    expect(fatalMessage(outcome)).toContain('authenticating creds for "127.0.0.1:1": pinging container registry')
  })
})

it('asks for the user name on stdout', async () => {
  const { stdout } = await user.run(['login', '--tls-verify=false', host], { input: 'testuser\n' })
  expect(stdout).toBe('Username: Password: ')
})

describe('credentials by flags', () => {
  it.each([
    [
      'AUT-07',
      ['--tls-verify=false', 'copy', '-q', '--dest-creds=testuser:testpassword', 'oci:images:v1'],
      'latest',
      [],
    ],
    ['AUT-08', ['--tls-verify=false', 'copy', '-q', '--src-creds=testuser:testpassword'], 'mine', ['dir:aut8']],
    ['AUT-10', ['copy', '-q', '--dest-tls-verify=false', '--dcreds=testuser:testpassword', 'oci:images:v1'], 'old', []],
    [
      'UNI-27',
      [
        'copy',
        '-q',
        '--dest-tls-verify=false',
        '--dest-username=testuser',
        '--dest-password=testpassword',
        'oci:images:v1',
      ],
      'both',
      [],
    ],
  ])('%s', async (_row, words, tag, behind) => {
    expect(await user.run([...words, image(tag), ...behind])).toMatchObject({ code: 0, stdout: '' })
  })

  it('AUT-09: on both sides of one registry', async () => {
    const creds = ['--src-creds=testuser:testpassword', '--dest-creds=testuser:testpassword']
    const words = ['copy', '-q', ...creds, image('mine'), `docker://${host}/other:9`]
    const { code, stderr } = await user.run(['--tls-verify=false', ...words])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^\S+ level=warning msg="'--tls-verify' is deprecated, please set this on the specific subcommand"\n$/,
    )
  })

  it('AUT-13: there and back', async () => {
    await ok(
      'copy',
      '-q',
      '--dest-tls-verify=false',
      '--dest-creds=testuser:testpassword',
      'oci:images:v1',
      image('13'),
    )
    await ok('copy', '-q', '--src-tls-verify=false', '--src-creds=testuser:testpassword', image('13'), 'dir:aut13')
    expect(await stat(join(user.home, 'aut13/manifest.json'))).toBeDefined()
  })

  it('UNI-26: that contradict each other', async () => {
    for (const flags of [
      ['--username=a'],
      ['--password=a'],
      ['--username=a', '--creds=b'],
      ['--username=a', '--no-creds'],
      ['--creds='],
    ]) {
      expect((await user.run(['inspect', ...flags, 'oci:images:v1'])).code).toBe(1)
    }
  })

  it('are never shown', async () => {
    const words = ['--debug', 'inspect', '--tls-verify=false', '--creds=testuser:testpassword', image('none')]
    const { output } = await user.run(words)
    expect(output).toContain('manifest unknown')
    expect(output).not.toContain('testpassword')
    expect(output).not.toContain(Buffer.from('testuser:testpassword').toString('base64'))
  })
})

describe('credentials in a file of their own', () => {
  beforeAll(async () => {
    await ok(...login, '--authfile=auth', host)
  })
  const at = '--authfile=auth'
  const tls = '--dest-tls-verify=false'

  it('AUT-14, AUT-15: copy', async () => {
    await refused('copy', tls, 'oci:images:v1', image('file'))
    expect(await ok('copy', '-q', tls, at, 'oci:images:v1', image('file'))).toBe('')
  })

  it('AUT-16: inspect', async () => {
    await refused('inspect', '--tls-verify=false', image('mine'))
    expect(await ok('inspect', '--tls-verify=false', at, image('mine'))).toContain(`${host}/busybox`)
  })

  it('AUT-17: delete', async () => {
    await ok('copy', '-q', tls, at, 'oci:images:v1', `docker://${host}/deleted:1`)
    await refused('delete', '--tls-verify=false', `docker://${host}/deleted:1`)
    expect(await ok('delete', '--tls-verify=false', at, `docker://${host}/deleted:1`)).toBe('')
  })

  it('UNI-25: named by REGISTRY_AUTH_FILE, by a flag, by a flag of one side', async () => {
    await writeFile(join(user.home, 'empty'), '{}')
    const run = (flags: readonly string[], file: string): ReturnType<User['run']> =>
      user.run(['copy', '-q', tls, ...flags, 'oci:images:v1', image('uni25')], { env: { REGISTRY_AUTH_FILE: file } })
    const auth = join(user.home, 'auth')
    const empty = join(user.home, 'empty')
    expect((await run([], auth)).code).toBe(0)
    expect((await run(['--authfile', empty], auth)).code).toBe(1)
    expect((await run(['--authfile', empty, '--dest-authfile', auth], empty)).code).toBe(0)
    expect((await run(['--dest-authfile', auth], empty)).code).toBe(0)
  })

  it('written as Docker does, and without them again', async () => {
    const config = { auths: { [host]: { auth: Buffer.from('testuser:testpassword').toString('base64') } } }
    await writeFile(join(user.home, 'config.json'), JSON.stringify(config))
    const env = { DOCKER_CONFIG: user.home }
    const words = ['inspect', '--tls-verify=false', image('mine')]
    await user.succeed(['copy', '-q', tls, 'oci:images:v1', image('docker')], { env })
    expect(await user.succeed(words, { env })).toContain(`${host}/busybox`)
    await writeFile(join(user.home, 'config.json'), '{"auths":{}}')
    const outcome = await user.run(words, { env })
    expect(outcome.code).toBe(1)
    expect(outcome.output).toContain('authentication required')
  })
})
