import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import { encryptKey, generateKey } from 'openpgp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const named = ['--sign-identity', 'example.com/app:1']
const passphraseFile = ['--sign-passphrase-file', 'passphrase']
const onlyOne =
  'Only one of --sign-by, --sign-by-sq-fingerprint and --sign-by-sigstore-private-key can be used with --sign-passphrase-file'

let user: User
let count = 0
beforeAll(async () => {
  user = await createUser()
  const { privateKey } = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'object' })
  const locked = await encryptKey({ privateKey, passphrase: 'sesame' })
  await writeFile(join(user.home, 'key.asc'), privateKey.armor())
  await writeFile(join(user.home, 'locked.asc'), locked.armor())
  await writeFile(join(user.home, 'public.asc'), privateKey.toPublic().armor())
  await writeFile(join(user.home, 'passphrase'), 'sesame\nand more\n')
  await writeFile(join(user.home, 'wrong'), 'simsim\n')
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await writeToLayout(fixtureIndex(), join(user.home, 'images'), 'list')
  await user.succeed(['copy', '-q', 'oci:images:v1', 'dir:unsigned'])
})
afterAll(() => user[Symbol.asyncDispose]())

/** The name of a directory that is not there yet. */
function fresh(): string {
  return `dir${++count}`
}

async function signaturesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(join(user.home, directory))).filter((file) => file.includes('signature-')).toSorted()
}

/** Why a copy with `flags` did not even begin. */
async function refusal(...flags: readonly string[]): Promise<string> {
  const to = fresh()
  const outcome = await user.run(['copy', ...flags, 'oci:images:v1', `dir:${to}`])
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  await expect(readdir(join(user.home, to))).rejects.toMatchObject({ code: 'ENOENT' })
  return fatalMessage(outcome)
}

describe('signing with a key file', () => {
  it('UNI-28: the passphrase is the first line of its file', async () => {
    const to = fresh()
    const flags = ['--sign-by-key-file', 'locked.asc', ...passphraseFile, ...named]
    expect(await user.succeed(['copy', ...flags, 'oci:images:v1', `dir:${to}`])).toMatch(
      /\nWriting manifest to image destination\nCreating signature: Signing image using simple signing\nStoring signatures\n$/,
    )
    expect(await signaturesIn(to)).toEqual(['signature-1'])
  })

  it('signs all of a list', async () => {
    const to = fresh()
    const words = ['copy', '-q', '--all', '--sign-by-key-file', 'key.asc', ...named, 'oci:images:list', `dir:${to}`]
    await user.succeed(words)
    expect(await signaturesIn(to)).toHaveLength(4)
  })

  it('shows in the plan, and signs nothing then', async () => {
    const words = ['copy', '--dry-run', '--sign-by-key-file', 'key.asc', ...named, 'oci:images:v1', 'dir:planned']
    expect(JSON.parse(await user.succeed(words))).toMatchObject({
      signIdentity: 'example.com/app:1',
      images: [{ signatures: { fate: 'none', count: 0, added: 1 } }],
    })
    await expect(readdir(join(user.home, 'planned'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('says what is wrong with the key or its passphrase', async () => {
    const locked = ['--sign-by-key-file', 'locked.asc', ...named]
    expect(await refusal(...locked, '--sign-passphrase-file', 'wrong')).toBe('creating signature: Bad passphrase')
    expect(await refusal(...locked)).toContain('protected by a passphrase')
    expect(await refusal('--sign-by-key-file', 'passphrase', ...named)).toContain('not an OpenPGP secret key')
    expect(await refusal('--sign-by-key-file', 'nothing', ...named)).toContain('no such file or directory')
  })
})

describe('signing options', () => {
  it('UNI-29: a passphrase file is for one key', async () => {
    const three = [
      ['--sign-by', 'X'],
      ['--sign-by-key-file', 'key.asc'],
      ['--sign-by-sq-fingerprint', 'X'],
    ] as const
    for (const [turn, one] of three.entries()) {
      expect(await refusal(...one, ...three[(turn + 1) % three.length]!, ...passphraseFile)).toBe(onlyOne)
    }
    expect(await refusal('--sign-passphrase-file', 'nothing')).toBe('open nothing: no such file or directory')
    expect(await refusal('--format', 'nothing', '--sign-by', 'X')).toContain('unknown format')
  })

  it('SIG-35: an identity is a full reference', async () => {
    const signing = ['--sign-by-key-file', 'key.asc']
    const problem = 'Could not parse --sign-identity: repository name must be canonical'
    expect(await refusal(...signing, '--sign-identity=this-is-not-fully-specified')).toBe(problem)
    expect(await refusal('--sign-by', 'X', '--sign-identity=this-is-not-fully-specified')).toBe(problem)
    expect(await refusal(...signing, '--sign-identity=example.com/app')).toBe(
      'Sign identity must be a fully specified reference example.com/app',
    )
    expect(await refusal(...signing)).toMatch(/^Cannot determine canonical Docker reference for destination dir:/)
  })

  it('a place that holds no signatures is found out first', async () => {
    const outcome = await user.run(['copy', '--sign-by-key-file', 'key.asc', ...named, 'oci:images:v1', 'oci:none:v1'])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe('writing signatures: Pushing signatures for OCI images is not supported')
    await expect(readdir(join(user.home, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.each([
    ['--sign-by', 'creating signature: exec: "gpg": executable file not found in $PATH', '--sign-by-key-file'],
    [
      '--sign-by-sq-fingerprint',
      'Error using --sign-by-sq-fingerprint: Sequoia-PGP support is not enabled in this build',
      'Install',
    ],
  ])('without the program of %s that is said, with what to do', async (flag, problem, hint) => {
    const words = ['copy', flag, 'X', ...named, 'oci:images:v1', `dir:${fresh()}`]
    const outcome = await user.run(words, { env: { PATH: user.home } })
    expect(fatalMessage(outcome)).toBe(problem)
    expect(outcome.stderr).toContain(hint)
  })
})

it.each([
  ['nothing', []],
  ['a manifest', ['unsigned/manifest.json']],
  ['a manifest and a reference', ['unsigned/manifest.json', 'example.com/app:1']],
  ['no output', ['unsigned/manifest.json', 'example.com/app:1', 'KEY']],
  ['one word more', ['-o', 'out', 'unsigned/manifest.json', 'example.com/app:1', 'KEY', 'more']],
  ['an output alone', ['-o', 'out']],
  [
    'a key and a key file',
    ['-o', 'out', '--key-file', 'key.asc', 'unsigned/manifest.json', 'example.com/app:1', 'KEY'],
  ],
])('UNI-08: standalone-sign with %s says how it is used', async (_, words) => {
  const outcome = await user.run(['standalone-sign', ...words])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toBe(
    'Usage: transload standalone-sign manifest docker-reference key-fingerprint -o signature',
  )
})

it('standalone-sign takes a key file', async () => {
  const manifest = 'unsigned/manifest.json'
  const file = ['--key-file', 'locked.asc', '--passphrase-file', 'passphrase']
  expect(await user.succeed(['standalone-sign', ...file, manifest, 'example.com/app:1', '-o', 'signature'])).toBe('')
  const verify = [
    'standalone-verify',
    '--public-key-file',
    'public.asc',
    manifest,
    'example.com/app:1',
    'any',
    'signature',
  ]
  expect(await user.succeed(verify)).toContain('Signature verified using fingerprint ')
})
