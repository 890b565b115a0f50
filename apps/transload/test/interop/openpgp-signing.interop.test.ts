import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { createGnupgHome, type GnupgHome } from './gnupg-home.ts'
import { createPodmanStore } from './podman-store.ts'
import { signedBy, writePolicy } from './signing-policy.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'podman', 'registry', 'gpg', 'gpgconf')

const identity = 'example.com/team/app:1'
const named = ['--sign-identity', identity]
const passphrase = 'correct horse battery staple'

let home: GnupgHome
let site: Site
/** Name → fingerprint. */
let keys: Readonly<Record<'ann' | 'bob' | 'rsa' | 'nist' | 'subkey', string>>
let passphraseFile: string
let wrongFile: string
beforeAll(async () => {
  if (missing) return
  home = await createGnupgHome()
  keys = {
    ann: await home.makeKey('Ann <ann@example.com>', 'ed25519'),
    bob: await home.makeKey('Bob <bob@example.com>', 'ed25519', passphrase),
    rsa: await home.makeKey('Rsa <rsa@example.com>', 'rsa4096'),
    nist: await home.makeKey('Nist <nist@example.com>', 'nistp384'),
    subkey: await home.makeKey('Sub <sub@example.com>', 'ed25519'),
  }
  await home.addSigningKey(keys.subkey, 'rsa2048')
  site = await openSite({ GNUPGHOME: home.path })
  passphraseFile = join(site.folder, 'passphrase')
  wrongFile = join(site.folder, 'wrong')
  await writeFile(passphraseFile, `${passphrase}\nand another line\n`)
  await writeFile(wrongFile, 'wrong\n')
}, 120_000)
afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await home?.[Symbol.asyncDispose]()
})

/** A directory with the image, signed. */
async function sign(mover: Mover, flags: readonly string[], image = testImage('small')): Promise<string> {
  const directory = site.newPath()
  await succeeding(mover.copy([...named, ...flags], image, `dir:${directory}`))
  return directory
}

/** A policy that asks the image in `directory` for a signature of `key`. */
async function policyFor(directory: string, key: string, dockerReference = identity): Promise<string> {
  const requirement = signedBy(await home.exportPublic(key), { type: 'exactReference', dockerReference })
  return await writePolicy(site.newPath(), { dir: { [directory]: [requirement] } })
}

/** What skopeo says to the image in `directory` when the policy asks for a signature of `key`. */
async function judgedBySkopeo(directory: string, key: string, name = identity, flags: readonly string[] = []) {
  const words = ['copy', '-q', ...flags, `dir:${directory}`, `dir:${site.newPath()}`]
  return await site.skopeo.runUnder(await policyFor(directory, key, name), words)
}

async function signaturesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((file) => file.includes('signature-')).toSorted()
}

describe.skipIf(missing)(`others accept what is signed ${missing ?? ''}`, () => {
  test.each(['ann', 'rsa', 'nist', 'subkey'] as const)('by gpg with the key %s', async (name) => {
    const directory = await sign(site.transload, ['--sign-by', keys[name]])
    expect(await judgedBySkopeo(directory, keys[name])).toMatchObject({ code: 0, stderr: '' })
    const other = await judgedBySkopeo(directory, keys[name === 'ann' ? 'rsa' : 'ann'])
    expect(other.stderr).toContain('Source image rejected: ')
    const elsewhere = await judgedBySkopeo(directory, keys[name], 'example.com/team/other:1')
    expect(fatalMessage(elsewhere)).toContain(`Signature for identity "${identity}" is not accepted`)
  })

  test.each(['ann', 'rsa', 'nist', 'subkey'] as const)('with the exported key %s', async (name) => {
    const directory = await sign(site.transload, ['--sign-by-key-file', await home.exportSecret(keys[name])])
    expect(await judgedBySkopeo(directory, keys[name])).toMatchObject({ code: 0, stderr: '' })
  })

  test('with a key that has a passphrase, which an agent keeps afterwards', async () => {
    await home.forgetPassphrases()
    const first = await sign(site.transload, ['--sign-by', 'bob@example.com', '--sign-passphrase-file', passphraseFile])
    expect(await judgedBySkopeo(first, keys.bob)).toMatchObject({ code: 0 })
    const second = await sign(site.transload, ['--sign-by', keys.bob])
    expect(await judgedBySkopeo(second, keys.bob)).toMatchObject({ code: 0 })
  })

  test('with a key whose passphrase an agent asks for', async () => {
    const pinentry = join(home.path, 'pinentry')
    const answer = `GETPIN) echo 'D ${passphrase}'; echo OK;; BYE) echo OK; exit;; *) echo OK;;`
    await writeFile(pinentry, `#!/bin/sh\necho OK\nwhile read -r word rest; do case $word in ${answer} esac; done\n`)
    await chmod(pinentry, 0o755)
    await writeFile(join(home.path, 'gpg-agent.conf'), `pinentry-program ${pinentry}\n`)
    await home.forgetPassphrases()
    const directory = await sign(site.transload, ['--sign-by', keys.bob])
    await rm(join(home.path, 'gpg-agent.conf'))
    await home.forgetPassphrases()
    expect(await judgedBySkopeo(directory, keys.bob)).toMatchObject({ code: 0 })
  })

  test('with an exported key that has a passphrase', async () => {
    const file = await home.exportSecret(keys.bob, passphrase)
    const flags = ['--sign-by-key-file', file, '--sign-passphrase-file', passphraseFile]
    expect(await judgedBySkopeo(await sign(site.transload, flags), keys.bob)).toMatchObject({ code: 0 })
  })

  test('by two keys at once', async () => {
    const flags = ['--sign-by', keys.ann, '--sign-by-key-file', await home.exportSecret(keys.rsa)]
    const directory = await sign(site.transload, flags)
    expect(await signaturesIn(directory)).toEqual(['signature-1', 'signature-2'])
    for (const key of [keys.ann, keys.rsa]) expect(await judgedBySkopeo(directory, key)).toMatchObject({ code: 0 })
  })

  test('as a list, each image and the list itself', async () => {
    const directory = await sign(site.transload, ['--all', '--sign-by', keys.ann], testImage('index-oci'))
    const theirs = await sign(site.skopeo, ['--all', '--sign-by', keys.ann], testImage('index-oci'))
    expect(await signaturesIn(directory)).toEqual(await signaturesIn(theirs))
    expect(await judgedBySkopeo(directory, keys.ann, identity, ['--all'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('podman, which refuses what is not', async () => {
    const directory = await sign(site.transload, ['--sign-by', keys.ann], testImage('docker'))
    const policy = await policyFor(directory, keys.ann)
    const podman = createPodmanStore(site)
    expect(await podman('pull', '-q', '--signature-policy', policy, `dir:${directory}`)).toMatch(/^[0-9a-f]{64}$/)
    await rm(join(directory, 'signature-1'))
    await expect(podman('pull', '-q', '--signature-policy', policy, `dir:${directory}`)).rejects.toThrow(
      /Source image rejected: A signature was required, but no signature exists/,
    )
  })
})

describe.skipIf(missing)(`what others sign is accepted ${missing ?? ''}`, () => {
  test.each(['ann', 'rsa', 'nist', 'subkey'] as const)('by skopeo with the key %s', async (name) => {
    const directory = await sign(site.skopeo, ['--sign-by', keys[name]])
    const words = ['copy', '-q', `dir:${directory}`, `dir:${site.newPath()}`]
    expect(await site.transload.runUnder(await policyFor(directory, keys[name]), words)).toMatchObject({ code: 0 })
    const other = await policyFor(directory, keys[name === 'ann' ? 'rsa' : 'ann'])
    expect(fatalMessage(await site.transload.runUnder(other, words))).toContain('Source image rejected: ')
  })

  test('as ours is', async () => {
    const directory = await sign(site.transload, ['--sign-by', keys.ann])
    const words = ['copy', '-q', `dir:${directory}`, `dir:${site.newPath()}`]
    expect(await site.transload.runUnder(await policyFor(directory, keys.ann), words)).toMatchObject({ code: 0 })
  })
})

describe.skipIf(missing)(`a passphrase ${missing ?? ''}`, () => {
  test('SIG-53: that is wrong is a clear error, and nothing is copied', async () => {
    await home.forgetPassphrases()
    const directory = site.newPath()
    const flags = [...named, '--sign-by', keys.bob, '--sign-passphrase-file', wrongFile]
    const outcome = await site.transload.copy(flags, testImage('small'), `dir:${directory}`)
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe('creating signature: Bad passphrase')
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is in no argument, no environment, no log and no error', async () => {
    await home.forgetPassphrases()
    const folder = site.newPath()
    await mkdir(folder)
    const wrapper = join(folder, 'gpg')
    const record = `{ printf '%s\\n' "$@"; env; tr '\\0' '\\n' < /proc/$PPID/cmdline; } >> ${folder}/seen`
    await writeFile(wrapper, `#!/bin/sh\n${record}\nexec ${peer('gpg').command} "$@"\n`)
    await chmod(wrapper, 0o755)
    const secret = `${folder}/secret`
    await writeFile(secret, passphrase)
    const watched = await openSite({ GNUPGHOME: home.path, PATH: `${folder}:/usr/bin:/bin` })
    try {
      const secretKey = await home.exportSecret(keys.bob, passphrase)
      await home.forgetPassphrases()
      const copy = ['--debug', 'copy', ...named, testImage('small'), `dir:${site.newPath()}`]
      for (const [flag, key] of [
        ['--sign-by', keys.bob],
        ['--sign-by', 'nobody'],
        ['--sign-by-key-file', secretKey],
        ['--sign-by-key-file', passphraseFile],
      ] as const) {
        const outcome = await watched.transload.run([...copy, flag, key, '--sign-passphrase-file', secret])
        expect(outcome.output).not.toContain('horse')
      }
      const manifest = join(await sign(site.skopeo, []), 'manifest.json')
      const standalone = ['standalone-sign', manifest, identity, keys.bob, '-o', `${folder}/signature`]
      const signed = await watched.transload.run(['--debug', ...standalone, '--passphrase-file', secret])
      expect(signed).toMatchObject({ code: 0, stdout: '' })
      expect(signed.output).not.toContain('horse')
      const seen = await readFile(`${folder}/seen`, 'utf8')
      expect(seen).toContain('--passphrase-fd=')
      expect(seen).not.toContain('horse')
    } finally {
      await watched[Symbol.asyncDispose]()
    }
  })
})

test.skipIf(missing)(`SIG-54: signatures are carried over unless they are not wanted ${missing ?? ''}`, async () => {
  const signed = await sign(site.skopeo, ['--sign-by', keys.ann])
  const policy = await policyFor(signed, keys.ann)
  const copyTo = async (directory: string, ...flags: readonly string[]): Promise<readonly string[]> => {
    await succeeding(site.transload.runUnder(policy, ['copy', '-q', ...flags, `dir:${signed}`, `dir:${directory}`]))
    return await signaturesIn(directory)
  }
  const carried = site.newPath()
  expect(await copyTo(carried)).toEqual(['signature-1'])
  expect(await readFile(join(carried, 'signature-1'))).toEqual(await readFile(join(signed, 'signature-1')))
  expect(await copyTo(site.newPath(), '--remove-signatures')).toEqual([])
})

function standaloneSign(...words: readonly string[]): Promise<Outcome> {
  return site.transload.run(['standalone-sign', ...words])
}

describe.skipIf(missing)(`standalone-sign ${missing ?? ''}`, () => {
  let manifest: string
  beforeAll(async () => {
    manifest = join(await sign(site.skopeo, []), 'manifest.json')
  })
  test('SIG-01: signs a manifest file, and says nothing', async () => {
    const signature = site.newPath()
    const outcome = await standaloneSign('-o', signature, manifest, 'testing/smoketest', keys.ann)
    expect(outcome).toMatchObject({ code: 0, output: '' })
    expect((await stat(signature)).mode & 0o777).toBe(0o644)
    const verify = ['standalone-verify', manifest, 'testing/smoketest', keys.ann, signature]
    expect((await site.skopeo.run(verify)).stdout).toContain(`Signature verified using fingerprint ${keys.ann}`)
  })

  test('reads the first line of a passphrase file', async () => {
    await home.forgetPassphrases()
    const signature = site.newPath()
    expect(
      await standaloneSign('-o', signature, manifest, identity, keys.bob, '--passphrase-file', passphraseFile),
    ).toMatchObject({
      code: 0,
    })
    const verify = ['standalone-verify', manifest, identity, keys.bob, signature]
    expect(await site.skopeo.run(verify)).toMatchObject({ code: 0 })
  })

  test.each<[string, (nowhere: string) => readonly string[]]>([
    ['an unknown key', (to) => [manifest, identity, 'nobody@example.com', '-o', to]],
    ['a wrong passphrase', (to) => [manifest, identity, keys.bob, '-o', to, '--passphrase-file', wrongFile]],
    ['no manifest', (to) => [`${to}/none`, identity, keys.ann, '-o', to]],
    ['no passphrase file', (to) => [manifest, identity, keys.ann, '-o', to, '--passphrase-file', `${to}/none`]],
    ['nowhere to write', (to) => [manifest, identity, keys.ann, '-o', `${to}/none`]],
  ])('UNI-09: says what skopeo says: %s', async (_, wordsFor) => {
    const words = ['standalone-sign', ...wordsFor(site.newPath())]
    await home.forgetPassphrases()
    const theirs = await site.skopeo.run(words)
    await home.forgetPassphrases()
    const ours = await site.transload.run(words)
    expect([ours.code, fatalMessage(ours)]).toEqual([theirs.code, fatalMessage(theirs)])
  })

  test('UNI-09: does not sign a file for nothing', async () => {
    const outcome = await standaloneSign(manifest, '', keys.ann, '-o', site.newPath())
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toMatch(/^Error creating signature: .*empty signature content$/)
  })
})

describe.skipIf(missing)(`a copy that signs says what skopeo says ${missing ?? ''}`, () => {
  let signed: string
  let signedList: string
  beforeAll(async () => {
    signed = await sign(site.skopeo, ['--sign-by', keys.ann])
    signedList = await sign(site.skopeo, ['--all', '--sign-by', keys.ann], testImage('index-oci'))
  })

  test.each<[string, () => string, () => readonly string[]]>([
    ['signing an image', () => testImage('small'), () => [...named, '--sign-by', keys.ann]],
    ['signing a list', () => testImage('index-oci'), () => [...named, '--all', '--sign-by', keys.ann]],
    ['carrying a signature', () => `dir:${signed}`, () => []],
    ['carrying one and signing', () => `dir:${signed}`, () => [...named, '--sign-by', keys.rsa]],
    ['removing one and signing', () => `dir:${signed}`, () => [...named, '--sign-by', keys.rsa, '--remove-signatures']],
    ['carrying those of a list', () => `dir:${signedList}`, () => ['--all']],
    [
      'carrying those of a list and signing',
      () => `dir:${signedList}`,
      () => [...named, '--all', '--sign-by', keys.rsa],
    ],
    ['an unsigned image', () => testImage('small'), () => []],
  ])('%s', async (_, image, flags) => {
    const linesOf = async (mover: Mover): Promise<readonly string[]> => {
      const words = ['copy', ...flags(), image(), `dir:${site.newPath()}`]
      return (await succeeding(mover.run(words))).stdout.split('\n').filter((line) => !line.startsWith('Copying blob'))
    }
    expect(await linesOf(site.transload)).toEqual(await linesOf(site.skopeo))
  })

  test.each<[string, string, readonly string[]]>([
    ['an identity that is not canonical', 'dir:', ['--sign-identity', 'this-is-not-fully-specified']],
    ['an identity without a tag', 'dir:', ['--sign-identity', 'example.com/app']],
    ['a place for no signatures', 'oci:', named],
    ['a place for no signatures, to be carried there', 'oci:', []],
    ['a place for none, and another format', 'docker-archive:', []],
  ])('refusing %s', async (_, place, flags) => {
    const from = flags.length > 0 ? testImage('small') : `dir:${signed}`
    const to = `${place}${site.newPath()}`
    const signing = flags.length > 0 ? ['--sign-by', keys.ann] : []
    const words = ['copy', ...flags, ...signing, from, to]
    const ours = await site.transload.run(words)
    const theirs = await site.skopeo.run(words)
    expect([ours.code, fatalMessage(ours)]).toEqual([theirs.code, fatalMessage(theirs)])
  })
})
