import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createUser, program, type User } from './run-cli.ts'

let user: User
beforeAll(async () => {
  user = await createUser()
  const directory = join(user.home, 'bin')
  await mkdir(directory)
  await writeFile(join(directory, 'transload'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  await chmod(join(directory, 'transload'), 0o755)
})
afterAll(() => user[Symbol.asyncDispose]())

/** What bash is given for a line, as it calls the function when a user presses Tab behind it. */
async function bashReplies(line: string): Promise<readonly string[]> {
  const script = `
    source <(transload completion bash)
    compopt() { :; }
    COMP_LINE=$1 COMP_POINT=\${#1}
    _transload
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', line], {
    env: { PATH: `${join(user.home, 'bin')}:${process.env['PATH']}`, HOME: user.home },
  })
  return stdout.trimEnd().split('\n')
}

it.each([
  ['transload ins', ['inspect']],
  ['transload inspect --ra', ['--raw']],
  ['transload copy oci', ['oci:', 'oci-archive:']],
  ['transload copy docker:', ['//']],
  ['transload copy --format $(exit 3)', ['']],
])('bash completes %j', async (line, replies) => {
  expect(await bashReplies(line)).toEqual(replies)
})

it.each(['zsh', 'fish', 'powershell'])('there is a script for %s', async (shell) => {
  expect(await user.succeed(['completion', shell])).toMatch(/transload complete '?--/)
})

it.each([[['completion', 'tcsh']], [['completion']]])('OBS-27: help for %j', async (words) => {
  expect(await user.succeed(words)).toMatch(/^Generate the autocompletion script/)
})

it('takes no more than a shell', async () => {
  const { code, stderr } = await user.run(['completion', 'bash', 'foo'])
  expect(code).toBe(1)
  expect(stderr).toContain(String.raw`unknown command \"foo\" for \"transload completion bash\"`)
})
