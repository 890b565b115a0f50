import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readSigningKey } from '@transload/signing/sigstore'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'

let user: User
beforeAll(async () => {
  user = await createUser()
  await writeFile(join(user.home, 'passphrase'), 'open sesame\nnot this line\n')
})
afterAll(() => user[Symbol.asyncDispose]())

const command = 'generate-sigstore-key'
const named = (prefix: string, file = 'passphrase'): string[] => [
  command,
  '--output-prefix',
  prefix,
  '--passphrase-file',
  file,
]

it.each([[[]], [['one']], [['one', '--output-prefix', 'p']], [['--output-prefix', '']]])(
  'UNI-16: without a prefix, or with more than that: %j',
  async (words) => {
    const outcome = await user.run([command, ...words])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe('Usage: generate-sigstore-key --output-prefix PREFIX')
  },
)

it.each(['pub', 'private'])('UNI-17: an existing .%s file stays', async (suffix) => {
  const file = `old-${suffix}.${suffix}`
  await writeFile(join(user.home, file), 'mine')
  const outcome = await user.run(named(`old-${suffix}`, '/dev/null'))
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toBe(`Refusing to overwrite existing "${file}"`)
  expect(await readFile(join(user.home, file), 'utf8')).toBe('mine')
  expect(await filesOf(`old-${suffix}.`)).toEqual([file])
})

it('UNI-18: a path through what is no directory', async () => {
  await symlink('passphrase/missing', join(user.home, 'link.pub'))
  for (const [prefix, text] of [
    ['passphrase/key', 'Error checking existence of "passphrase/key.pub": stat passphrase/key.pub: not a directory'],
    ['link', 'Error checking existence of "link.pub": stat link.pub: not a directory'],
    ['none/key', 'Error writing private key to "none/key.private": open none/key.private: no such file or directory'],
  ] as const) {
    expect(fatalMessage(await user.run(named(prefix)))).toBe(text)
  }
})

it('UNI-19: a missing passphrase file', async () => {
  const outcome = await user.run(named('key', 'missing-file'))
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toMatch(/^open .*missing-file: no such file or directory$/)
})

it('UNI-20: two files, which nobody else can read', async () => {
  const outcome = await user.run(named('key'))
  expect(outcome).toEqual({
    code: 0,
    stdout: 'Key written to "key.private" and "key.pub"\n',
    stderr: '',
    output: 'Key written to "key.private" and "key.pub"\n',
  })
  expect(await filesOf('key.')).toEqual(['key.private', 'key.pub'])
  const modes = ['key.private', 'key.pub'].map(async (name) => (await stat(join(user.home, name))).mode & 0o777)
  expect(await Promise.all(modes)).toEqual([0o600, 0o644])
  const { publicKey } = await readSigningKey(await readFile(join(user.home, 'key.private')), 'open sesame')
  expect(publicKey.export({ format: 'pem', type: 'spki' })).toBe(await readFile(join(user.home, 'key.pub'), 'utf8'))
})

it('a dangling link is not followed, and the private key does not stay without the public one', async () => {
  await symlink('nowhere', join(user.home, 'dangling.pub'))
  expect(fatalMessage(await user.run(named('dangling')))).toBe('Refusing to overwrite existing "dangling.pub"')
  expect(await filesOf('dangling.')).toEqual(['dangling.pub'])
  expect(await filesOf('nowhere')).toEqual([])
})

it('--json names the files', async () => {
  expect(JSON.parse(await user.succeed(['--json', ...named('json', '/dev/null')]))).toEqual({
    publicKey: 'json.pub',
    privateKey: 'json.private',
  })
})

it('without a terminal nothing is asked', async () => {
  const outcome = await user.run([command, '--output-prefix', 'asked'])
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  expect(fatalMessage(outcome)).toBe(
    'Cannot prompt for a passphrase for key asked.private, standard input is not a TTY',
  )
})

async function filesOf(beginning: string): Promise<string[]> {
  return (await readdir(user.home)).filter((name) => name.startsWith(beginning)).toSorted()
}
