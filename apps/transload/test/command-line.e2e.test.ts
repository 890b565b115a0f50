import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import manifest from '../package.json' with { type: 'json' }
import { createUser, fatalMessage, program, type User } from './run-cli.ts'

let user: User
beforeAll(async () => {
  user = await createUser()
})
afterAll(() => user[Symbol.asyncDispose]())

it.each(['--version', '-v'])('%s prints the version', async (flag) => {
  expect(await user.run([flag])).toMatchObject({
    code: 0,
    stdout: `transload version ${manifest.version}\n`,
    stderr: '',
  })
})

it('runs where nothing is installed', async () => {
  await cp(dirname(program), join(user.home, 'elsewhere'), { recursive: true })
  const child = spawn(process.execPath, [join(user.home, 'elsewhere/main.cjs'), 'plugins'], { env: {} })
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect({ code: code as unknown, stdout }).toEqual({
    code: 0,
    stdout: [
      'TRANSPORT       PACKAGE',
      'atomic          @transload/transport-registry',
      'dir             @transload/transport-dir',
      'docker          @transload/transport-registry',
      'docker-archive  @transload/transport-archive',
      'oci             @transload/transport-oci',
      'oci-archive     @transload/transport-archive',
      'sif             @transload/transport-sif',
      'tarball         @transload/transport-tarball',
      '',
    ].join('\n'),
  })
})

describe('help', () => {
  it.each([[['--help']], [['help']]])('of the program, for %j', async (words) => {
    const { code, stdout, stderr } = await user.run(words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    // Other tools look for this flag here.
    expect(stdout).toContain('--user-agent-prefix')
    expect(stdout).toMatch(/Available Commands:\n(?: .*\n)* {2}copy {2,}Copy an IMAGE-NAME/)
  })

  it.each([[['copy', '--help']], [['help', 'copy']], [['-h', 'copy']]])('of a command, for %j', async (words) => {
    const { code, stdout, stderr } = await user.run(words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage:\n  transload copy [command options] SOURCE-IMAGE DESTINATION-IMAGE\n\nExamples:\n')
    expect(stdout).toMatch(/\nFlags:\n {6}--additional-tag strings {2,}additional tags/)
    expect(stdout).toMatch(/\n {2}-a, --all {2,}Copy all images/)
    expect(stdout).not.toContain('--screds')
    expect(stdout).not.toContain('--override-arch')
  })

  it('OBS-27: of an unknown topic is no failure', async () => {
    const { code, stdout, stderr } = await user.run(['help', 'bogus'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^Unknown help topic \[`bogus`\]\nUsage:\n/)
  })
})

describe('mistakes', () => {
  it.each([
    [[], "Missing command 'transload COMMAND'\nTry 'transload --help' for more information"],
    [['bogus'], "Unrecognized command `transload bogus`\nTry 'transload --help' for more information"],
    [['inspect', '--bogus', 'x'], 'unknown flag: --bogus'],
    [['inspect', '-x'], "unknown shorthand flag: 'x' in -x"],
    [
      ['copy', '--dest-tls-verify=maybe', 'a', 'b'],
      'invalid argument "maybe" for "--dest-tls-verify" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      ['--command-timeout', '5', 'inspect', 'x'],
      'invalid argument "5" for "--command-timeout" flag: time: missing unit in duration "5"',
    ],
    [['inspect'], 'Exactly one argument expected'],
    [['delete'], 'Usage: delete imageReference'],
    [['login'], 'please provide a registry to log in to'],
    [['login', 'a', 'b'], 'login accepts only one registry to log in to'],
    [['logout'], 'please provide a registry to log out from'],
    [['logout', '--all', 'x'], '--all takes no arguments'],
    [['inspect', '--sign-by', 'x', 'y'], 'unknown flag: --sign-by'],
  ])('%j', async (words, message) => {
    const outcome = await user.run(words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe(message)
    expect(outcome.stderr).not.toContain('    at ')
  })

  it('are told as JSON where that is asked for', async () => {
    const { code, stderr } = await user.run(['inspect', '--json', 'unknown'])
    const [hint, fatal, json] = stderr.trimEnd().split('\n')
    expect(code).toBe(1)
    expect(hint).toContain('level=info msg="Known transports: ')
    expect(fatal).toContain('level=fatal')
    expect(JSON.parse(json ?? '')).toMatchObject({
      error: {
        code: 'REFERENCE_INVALID',
        message:
          'Error parsing image name "unknown": Invalid image name "unknown", expected colon-separated transport:reference',
        exitCode: 1,
      },
    })
  })

  it('of a plugin that is not there', async () => {
    const outcome = await user.run(['--plugin', 'transload-transport-none', 'inspect', 'dir:x'])
    expect(fatalMessage(outcome)).toBe('plugin "transload-transport-none" is not installed')
  })
})
