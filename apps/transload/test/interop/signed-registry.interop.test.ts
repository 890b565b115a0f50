import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage, type TestImageName } from '@transload/peers'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { createGnupgHome, type GnupgHome } from './gnupg-home.ts'
import { signedBy, writePolicy } from './signing-policy.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'gpg', 'gpgconf')

const noKey = /Source image rejected: .*(Invalid GPG signature|Missing key)/
const unsigned = 'Source image rejected: A signature was required, but no signature exists'

let home: GnupgHome
let site: Site
/** Has the signature extension. */
let extended: RegistryServer
/** Has none, but a lookaside directory. */
let lookaside: string
let registriesD: string
/** Files with the public keys of both. */
let alice: string
let bob: string
beforeAll(async () => {
  if (missing) return
  home = await createGnupgHome()
  await home.makeKey('alice@example.com', 'ed25519')
  await home.makeKey('bob@example.com', 'rsa2048', 'sesame')
  alice = await home.exportPublic('alice@example.com')
  bob = await home.exportPublic('bob@example.com')
  site = await openSite({ GNUPGHOME: home.path })
  await writeFile(join(site.folder, 'passphrase'), 'sesame\n')
  await writeFile(join(site.folder, 'wrong'), 'simsim\n')
  extended = await startRegistryServer({ directory: join(site.folder, 'extended'), signatures: true })
  lookaside = join(site.folder, 'lookaside')
  registriesD = join(site.folder, 'registries.d')
  await mkdir(registriesD)
  const entry = `  ${site.registries.docker}:\n    lookaside: file://${lookaside}\n`
  await writeFile(join(registriesD, 'docker.yaml'), `docker:\n${entry}`)
}, 120_000)
afterAll(async () => {
  await extended?.close()
  await site?.[Symbol.asyncDispose]()
  await home?.[Symbol.asyncDispose]()
})

const byAlice = ['--sign-by', 'alice@example.com']
const byBob = (): string[] => [
  '--sign-by',
  'bob@example.com',
  '--sign-passphrase-file',
  join(site.folder, 'passphrase'),
]

const inExtended = (name: string): string => `docker://${extended.host}/${name}`
const inLookaside = (name: string): string => `docker://${site.registries.docker}/${name}`

async function copy(mover: Mover, flags: readonly string[], from: string, to: string): Promise<void> {
  await succeeding(mover.run(copyWords(flags, from, to)))
}

function copyWords(flags: readonly string[], from: string, to: string): readonly string[] {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  return ['--registries.d', registriesD, 'copy', '-q', ...insecure, ...flags, from, to]
}

async function pull(mover: Mover, policy: string, from: string, flags: readonly string[] = []): Promise<Outcome> {
  return await mover.runUnder(policy, copyWords(flags, from, `dir:${site.newPath()}`))
}

async function dockerPolicy(scopes: Readonly<Record<string, readonly object[]>>): Promise<string> {
  return await writePolicy(site.newPath(), { docker: scopes })
}

const combinations = [
  ['transload', 'transload'],
  ['transload', 'skopeo'],
  ['skopeo', 'transload'],
] as const

describe.skipIf(missing).each(combinations)(`%s signs, %s pulls ${missing ?? ''}`, (signing, pulling) => {
  const signer = (): Mover => site[signing]
  const puller = (): Mover => site[pulling]
  /** A name for each combination. */
  const name = (text: string): string => `${signing}-${pulling}/${text}`

  describe('with the signature extension', () => {
    let policy: string
    beforeAll(async () => {
      policy = await dockerPolicy({
        [`${extended.host}/${name('alice')}`]: [signedBy(alice)],
        [`${extended.host}/${name('bob')}`]: [signedBy(bob)],
        [`${extended.host}/${name('both')}`]: [signedBy(alice), signedBy(bob)],
      })
    })

    test('SIG-05, SIG-06: two images, each signed by its key', async () => {
      await copy(signer(), byAlice, testImage('small'), inExtended(name('alice:1')))
      await copy(signer(), byBob(), testImage('docker'), inExtended(name('bob:1')))
      expect(await pull(puller(), policy, inExtended(name('alice:1')))).toMatchObject({ code: 0, output: '' })
      expect(await pull(puller(), policy, inExtended(name('bob:1')))).toMatchObject({ code: 0, output: '' })
    })

    test('SIG-07: neither has the key of the other', async () => {
      await copy(signer(), [], inExtended(name('alice:1')), inExtended(name('bob:of-alice')))
      await copy(signer(), [], inExtended(name('bob:1')), inExtended(name('alice:of-bob')))
      for (const text of ['bob:of-alice', 'alice:of-bob']) {
        expect(fatalMessage(await pull(puller(), policy, inExtended(name(text))))).toMatch(noKey)
      }
    })

    test('SIG-10, SIG-11: two keys are needed, and signatures accumulate', async () => {
      await copy(signer(), byAlice, testImage('zstd'), inExtended(name('both:1')))
      expect(fatalMessage(await pull(puller(), policy, inExtended(name('both:1'))))).toMatch(noKey)
      await copy(signer(), byBob(), inExtended(name('both:1')), inExtended(name('both:1')))
      expect(await pull(puller(), policy, inExtended(name('both:1')))).toMatchObject({ code: 0, output: '' })
    })

    test('an unsigned image is none', async () => {
      await copy(signer(), [], testImage('repeated'), inExtended(name('alice:unsigned')))
      expect(fatalMessage(await pull(puller(), policy, inExtended(name('alice:unsigned'))))).toBe(unsigned)
    })
  })

  describe('with a lookaside directory', () => {
    let policy: string
    beforeAll(async () => {
      policy = await dockerPolicy({
        [`${site.registries.docker}/${name('alice')}`]: [signedBy(alice)],
        [`${site.registries.docker}/${name('bob')}`]: [signedBy(bob)],
        [`${site.registries.docker}/${name('open')}`]: [{ type: 'insecureAcceptAnything' }],
      })
    })

    test('SIG-47, SIG-48, SIG-52: what is signed by the right key, or needs no signature, is pulled', async () => {
      const pushes: readonly [string, TestImageName, readonly string[]][] = [
        ['alice:signed', 'small', byAlice],
        ['alice:unsigned', 'small', []],
        ['bob:signed', 'docker', byBob()],
        ['bob:signedbyalice', 'zstd', byAlice],
        ['carol:latest', 'small', []],
        ['open/forall:latest', 'small', []],
      ]
      for (const [text, source, flags] of pushes)
        await copy(signer(), flags, testImage(source), inLookaside(name(text)))
      for (const text of ['alice:signed', 'bob:signed', 'open/forall:latest']) {
        expect(await pull(puller(), policy, inLookaside(name(text)))).toMatchObject({ code: 0, output: '' })
      }
    })

    test.each<[string, string, RegExp]>([
      ['SIG-49', 'bob:signedbyalice', noKey],
      ['SIG-50', 'alice:unsigned', /Signature for identity "[^"]*alice:signed" is not accepted/],
      ['SIG-51', 'carol:latest', /Running image docker:.* is rejected by policy/],
    ])('%s: %s is not', async (_, text, reason) => {
      expect(fatalMessage(await pull(puller(), policy, inLookaside(name(text))))).toMatch(reason)
    })

    test('a list is, when all of it is signed', async () => {
      await copy(signer(), ['--all', ...byAlice], testImage('index-oci'), inLookaside(name('alice:list')))
      expect(await pull(puller(), policy, inLookaside(name('alice:list')), ['--all'])).toMatchObject({
        code: 0,
        output: '',
      })
      expect(await pull(puller(), policy, inLookaside(name('alice:list')))).toMatchObject({ code: 0, output: '' })
    })

    test('SIG-36: an image may be signed as another', async () => {
      const identity = `${site.registries.docker}/${name('alice:elsewhere')}`
      await copy(
        signer(),
        ['--sign-identity', identity, ...byAlice],
        testImage('repeated'),
        inLookaside(name('mirror:1')),
      )
      const renamed = signedBy(alice, { type: 'exactReference', dockerReference: identity })
      const primary = await dockerPolicy({ [`${site.registries.docker}/${name('mirror')}`]: [renamed] })
      expect(await pull(puller(), primary, inLookaside(name('mirror:1')))).toMatchObject({ code: 0, output: '' })
      const own = await dockerPolicy({ [`${site.registries.docker}/${name('mirror')}`]: [signedBy(alice)] })
      expect(fatalMessage(await pull(puller(), own, inLookaside(name('mirror:1'))))).toContain(
        `Signature for identity "${identity}" is not accepted`,
      )
    })
  })
})

describe.skipIf(missing).each(combinations)(
  `%s signs in a directory, %s reads it ${missing ?? ''}`,
  (signing, reading) => {
    let staging: string
    let policy: string
    const repository = 'example.com/team/dirstaging'
    const copyUnder = (mover: Mover, words: readonly string[]): Promise<Outcome> =>
      mover.runUnder(policy, ['copy', '-q', ...words])
    beforeAll(async () => {
      staging = site.newPath()
      await mkdir(staging)
      const exact = { type: 'exactRepository', dockerRepository: repository }
      policy = await writePolicy(site.newPath(), {
        dir: { '': [{ type: 'insecureAcceptAnything' }], [staging]: [signedBy(alice, exact)] },
      })
    })

    test('SIG-12, SIG-13: signed by the key of the tree', async () => {
      const open = site.newPath()
      await copy(site[signing], [], testImage('small'), `dir:${open}`)
      const sign = ['--sign-identity', `${repository}:1`, ...byAlice]
      const signed = await copyUnder(site[signing], [...sign, `dir:${open}`, `dir:${staging}/right`])
      expect(signed).toMatchObject({ code: 0, output: '' })
      const read = await copyUnder(site[reading], [`dir:${staging}/right`, `dir:${site.newPath()}`])
      expect(read).toMatchObject({ code: 0, output: '' })
    })

    test('SIG-14: signed by another key', async () => {
      const flags = ['--sign-identity', `${repository}:1`, ...byBob()]
      await copy(site[signing], flags, testImage('small'), `dir:${staging}/wrong-key`)
      const read = await copyUnder(site[reading], [`dir:${staging}/wrong-key`, `dir:${site.newPath()}`])
      expect(fatalMessage(read)).toMatch(noKey)
    })

    test('SIG-15: signed as another image', async () => {
      const flags = ['--sign-identity', `${repository}2:1`, ...byAlice]
      await copy(site[signing], flags, testImage('small'), `dir:${staging}/wrong-name`)
      const read = await copyUnder(site[reading], [`dir:${staging}/wrong-name`, `dir:${site.newPath()}`])
      expect(fatalMessage(read)).toContain(`Signature for identity "${repository}2:1" is not accepted`)
    })
  },
)

test.skipIf(missing)(`a wrong passphrase leaves no unsigned image in a registry ${missing ?? ''}`, async () => {
  await home.forgetPassphrases()
  const flags = ['--sign-by', 'bob@example.com', '--sign-passphrase-file', join(site.folder, 'wrong')]
  const to = inExtended('nobody:1')
  const outcome = await site.transload.run(copyWords(flags, testImage('small'), to))
  expect(fatalMessage(outcome)).toBe('creating signature: Bad passphrase')
  expect((await peer('skopeo').run(['inspect', '--tls-verify=false', to])).stderr).toContain('manifest unknown')
})
