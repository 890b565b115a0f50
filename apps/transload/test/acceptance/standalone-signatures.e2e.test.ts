import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'

const fixtures = join(import.meta.dirname, '../fixtures/openpgp')
const manifest = join(fixtures, 'manifest.json')
const keys = join(fixtures, 'keys.asc')
const reference = 'example.com/team/app:1'
const ann = 'FB30E6A6E61AA25E59299DE6B200977517433B99'
const bob = '265882F06869F5C7242238BB8466DCBCCE1A8605'
const bobsSubkey = '59768CEF0CA37CFD2B5211FC8F4E784C0FDB03B1'
const anns = join(fixtures, 'ann.signature')
const bobs = join(fixtures, 'bob.signature')
const withKeys = ['--public-key-file', keys]

let user: User
let env: Readonly<Record<string, string>>
beforeAll(async () => {
  user = await createUser()
  await writeFile(join(user.home, 'garbage'), 'garbage')
  const damaged = await readFile(anns)
  damaged[damaged.length - 10]! ^= 1
  await writeFile(join(user.home, 'damaged'), damaged)
  // The keyring of the user is what gpg says it is.
  await writeFile(join(user.home, 'gpg'), `#!/bin/sh\nexec /bin/cat '${keys}'\n`)
  await chmod(join(user.home, 'gpg'), 0o755)
  env = { PATH: user.home }
})
afterAll(() => user[Symbol.asyncDispose]())

const verify = (...words: readonly string[]) => user.run(['standalone-verify', ...words], { env })
const dump = (...words: readonly string[]) => user.run(['untrusted-signature-dump-without-verification', ...words])

describe('standalone-sign', () => {
  it.each([
    [[]],
    [['a', 'b', '-o', 'o']],
    [['a', 'b', 'c', 'd', '-o', 'o']],
    [['a', 'b', 'c']],
    [['-o', 'o']],
    [['a', 'b', 'c', '-o', '']],
  ])('UNI-08: with %j', async (words) => {
    const outcome = await user.run(['standalone-sign', ...words])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe(
      'Usage: transload standalone-sign manifest docker-reference key-fingerprint -o signature',
    )
  })
})

describe('standalone-verify', () => {
  it.each([[[]], [['a', 'b', 'c']], [['a', 'b', 'c', 'd', 'e']]])('UNI-10: with %j', async (words) => {
    const outcome = await verify(...words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe(
      'Usage: transload standalone-verify manifest docker-reference key-fingerprint signature',
    )
  })

  it.each<[string, readonly string[], string]>([
    ['no manifest', ['none', reference, ann, anns], 'Error reading manifest from none: open none: no such file'],
    ['no signature', [manifest, reference, ann, 'none'], 'Error reading signature from none: open none: no such file'],
    [
      'no keys',
      ['--public-key-file=none', manifest, reference, ann, anns],
      'Error reading public keys from none: open',
    ],
    [
      'a damaged signature',
      [manifest, reference, ann, 'damaged'],
      'Error verifying signature: Invalid GPG signature: ',
    ],
  ])('UNI-11: with %s', async (_, words, message) => {
    const outcome = await verify(...words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toContain(message)
  })

  it('UNI-12: takes any fingerprint only of the keys in a file', async () => {
    const outcome = await verify(manifest, reference, 'any', anns)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe('Cannot use any fingerprint without a public key file')
  })

  it.each<[string, readonly string[], string]>([
    ['of the keyring', [manifest, reference, ann, anns], ann],
    ['one of several', [manifest, reference, `x,${ann}`, anns], ann],
    ['of a file', [...withKeys, manifest, reference, ann, anns], ann],
    ['any of a file', [...withKeys, manifest, reference, 'any', anns], ann],
    ['of a primary key whose subkey signed', [...withKeys, manifest, reference, bob, bobs], bob],
    ['of a subkey', [...withKeys, manifest, reference, bobsSubkey, bobs], bobsSubkey],
  ])('UNI-13: accepts a fingerprint: %s', async (_, words, fingerprint) => {
    const digest = digestOf(await readFile(manifest))
    expect(await verify(...words)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `Signature verified using fingerprint ${fingerprint}, digest ${digest}\n`,
    })
    const json = await verify('--json', ...words)
    expect(JSON.parse(json.stdout)).toEqual({ fingerprint, digest })
  })

  it.each<[string, readonly string[], string]>([
    [
      'of another key',
      [...withKeys, manifest, reference, ann, bobs],
      `signature by key ${bobsSubkey} of ${bob} is not accepted`,
    ],
    [
      'as another image',
      [...withKeys, manifest, 'example.com/team/app:2', 'any', anns],
      `Docker reference "${reference}" does not match "example.com/team/app:2"`,
    ],
    [
      'of another manifest',
      [...withKeys, keys, reference, 'any', anns],
      `Signature for docker digest "${digestOf(Buffer.from('{"schemaVersion":2}'))}" does not match`,
    ],
    ['as no image', [...withKeys, manifest, 'UPPER', 'any', anns], 'repository name must be lowercase'],
    ['with no key', ['--public-key-file=garbage', manifest, reference, 'any', anns], 'Invalid GPG signature: '],
  ])('refuses a signature %s', async (_, words, message) => {
    const outcome = await verify(...words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toMatch(/^Error verifying signature: /)
    expect(fatalMessage(outcome)).toContain(message)
  })

  it('says that gpg is missing', async () => {
    const outcome = await user.run(['standalone-verify', manifest, reference, ann, anns], { env: { PATH: '/none' } })
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toMatch(/^Error initializing GPG: .*executable file not found in \$PATH$/)
  })
})

describe('untrusted-signature-dump-without-verification', () => {
  it.each<[string, readonly string[], string]>([
    ['nothing', [], 'Usage: transload untrusted-signature-dump-without-verification signature'],
    ['two files', ['a', 'b'], 'Usage: '],
    ['four files', ['a', 'b', 'c', 'd'], 'Usage: '],
    ['no file', ['none'], 'Error reading untrusted signature from none: open none: no such file or directory'],
    ['no signature', ['garbage'], 'Error decoding untrusted signature: '],
  ])('UNI-14: with %s', async (_, words, message) => {
    const outcome = await dump(...words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toContain(message)
  })

  it.each([
    ['whole', anns],
    ['damaged', 'damaged'],
  ])('UNI-15: shows what a %s signature says', async (_, file) => {
    const { code, stdout } = await dump(file)
    expect(code).toBe(0)
    expect(stdout).toBe(`{
    "UntrustedDockerManifestDigest": "${digestOf(await readFile(manifest))}",
    "UntrustedDockerReference": "${reference}",
    "UntrustedCreatorID": "atomic 5.39.1",
    "UntrustedTimestamp": "2023-11-14T22:13:20Z",
    "UntrustedShortKeyIdentifier": "B200977517433B99"
}
`)
  })
})
