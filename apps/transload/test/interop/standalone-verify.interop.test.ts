import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'
import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { createGnupgHome, type GnupgHome } from './gnupg-home.ts'
import { makeKeyWithSubkey, manifestBytes, payload, reference, signedBy } from './openpgp-signatures.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'gpg', 'gpgconf')

const passphrase = 'correct horse battery staple'

let home: GnupgHome
let site: Site
let manifest: string
let ann: string
let bob: string
let rsa: string
let files: Files
beforeAll(async () => {
  if (missing) return
  home = await createGnupgHome()
  site = await openSite({ GNUPGHOME: home.path })
  manifest = join(site.folder, 'manifest.json')
  await writeFile(manifest, manifestBytes)
  ann = await home.makeKey('Ann <ann@example.com>', 'ed25519')
  bob = await home.makeKey('Bob <bob@example.com>', 'ed25519', passphrase)
  rsa = await home.makeKey('Rsa <rsa@example.com>', 'rsa2048')
  const primary = await makeKeyWithSubkey(home)
  const [{ file: signature }, { file: bySubkey }] = [await signedBy(home, ann), await signedBy(home, primary)]
  files = { signature, bySubkey, primary, none: join(site.folder, 'none') }
}, 120_000)
afterAll(async () => {
  if (missing) return
  await site[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

describe.skipIf(missing)(`standalone-verify ${missing ?? ''}`, () => {
  test('SIG-02: accepts what standalone-sign signed, and says so', async () => {
    const signature = site.newPath()
    const sign = ['standalone-sign', '-o', signature, manifest, 'testing/smoketest', ann]
    await succeeding(site.transload.run(sign))
    const verify = ['standalone-verify', manifest, 'testing/smoketest', ann, signature]
    const stdout = `Signature verified using fingerprint ${ann}, digest ${digestOf(manifestBytes)}\n`
    expect(await site.transload.run(verify)).toMatchObject({ code: 0, stdout, stderr: '' })
    expect(await site.skopeo.run(verify)).toMatchObject({ code: 0, stdout })
  })

  test('SIG-55, SIG-56: signs with a passphrase, and ends with the digest', async () => {
    const [signature, passphraseFile] = [site.newPath(), site.newPath()]
    await writeFile(passphraseFile, `${passphrase}\n`)
    const sign = ['standalone-sign', '-o', signature, '--passphrase-file', passphraseFile, manifest, reference]
    await home.forgetPassphrases()
    await succeeding(site.transload.run([...sign, 'bob@example.com']))
    const { code, stdout } = await site.transload.run(['standalone-verify', manifest, reference, bob, signature])
    expect(code).toBe(0)
    expect(stdout.trim().split(' ').at(-1)).toBe(digestOf(manifestBytes))
  })

  test.each<[string, () => readonly string[]]>([
    ['a key of the keyring', () => [manifest, reference, ann, files.signature]],
    ['one of several keys', () => [manifest, reference, `any,x,${ann}`, files.signature]],
    ['a primary key whose subkey signed', () => [manifest, reference, files.primary, files.bySubkey]],
    ['another key', () => [manifest, reference, rsa, files.signature]],
    ['another key than that of a subkey', () => [manifest, reference, ann, files.bySubkey]],
    ['a key in lower case', () => [manifest, reference, ann.toLowerCase(), files.signature]],
    ['no key', () => [manifest, reference, '', files.signature]],
    ['any key', () => [manifest, reference, 'any', files.signature]],
    ['any key of no file', () => ['--public-key-file=', manifest, reference, 'any', files.signature]],
    ['another tag', () => [manifest, 'example.com/team/app:2', ann, files.signature]],
    ['no tag', () => [manifest, 'example.com/team/app', ann, files.signature]],
    ['a short name', () => [manifest, 'app', ann, files.signature]],
    ['a name in upper case', () => [manifest, 'App', ann, files.signature]],
    ['no name', () => [manifest, '', ann, files.signature]],
    ['another manifest', () => [files.signature, reference, ann, files.signature]],
    ['no manifest', () => [files.none, reference, ann, files.signature]],
    ['a directory', () => [site.folder, reference, ann, files.signature]],
    ['no signature', () => [manifest, reference, ann, files.none]],
    ['no file of keys', () => ['--public-key-file', files.none, manifest, reference, ann, files.signature]],
  ])('says what skopeo says: %s', async (_, wordsFor) => {
    const words = ['standalone-verify', ...wordsFor()]
    const [ours, theirs] = [await site.transload.run(words), await site.skopeo.run(words)]
    expect(said(ours)).toEqual(said(theirs))
  })

  test('shows what a signature says as skopeo does', async () => {
    for (const content of [payload, payload.replace(/"optional":.*/, '"optional":{}}')]) {
      const { file } = await signedBy(home, ann, { content })
      const words = ['untrusted-signature-dump-without-verification', file]
      expect(await site.transload.run(words)).toEqual(await site.skopeo.run(words))
    }
  })
})

interface Files {
  readonly signature: string
  readonly bySubkey: string
  /** The primary key of the subkey. */
  readonly primary: string
  readonly none: string
}

/** Without the time of it. */
function said(outcome: Outcome): readonly unknown[] {
  return [outcome.code, outcome.stdout, outcome.code === 0 ? outcome.stderr : fatalMessage(outcome)]
}
