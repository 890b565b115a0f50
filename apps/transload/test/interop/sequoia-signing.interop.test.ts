import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage } from '../run-cli.ts'
import { signedBy, writePolicy } from './signing-policy.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'sq')

const passphrase = 'correct horse battery staple'

/** Sequoia's home and other files of the user's. */
let folder: string
let site: Site
/** Fingerprints. */
let open: string
let locked: string
/** Has each repository signed by the key it is named for. */
let policy: string
let registriesD: string
beforeAll(async () => {
  if (missing) return
  folder = await mkdtemp(join(tmpdir(), 'transload-sequoia-'))
  await writeFile(file('passphrase'), passphrase)
  await writeFile(file('first-line'), `${passphrase}\nand more\n`)
  await writeFile(file('wrong'), 'wrong\n')
  open = await makeKey('open', ['--without-password'])
  locked = await makeKey('locked', ['--new-password-file', file('passphrase')])
  site = await openSite({ SEQUOIA_HOME: file('home'), PATH: `${dirname(peer('sq').command)}:/usr/bin:/bin` })
  const docker = site.registries.docker
  policy = await writePolicy(file('policy.json'), {
    docker: { [`${docker}/open`]: [signedBy(file('open.pgp'))], [`${docker}/locked`]: [signedBy(file('locked.pgp'))] },
  })
  registriesD = file('registries.d')
  await mkdir(registriesD)
  await writeFile(join(registriesD, 'all.yaml'), `default-docker:\n  lookaside: file://${file('lookaside')}\n`)
}, 120_000)
afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  if (folder) await rm(folder, { recursive: true, force: true })
})

function file(name: string): string {
  return join(folder, name)
}

async function makeKey(name: string, protection: readonly string[]): Promise<string> {
  const env = { ...process.env, SEQUOIA_HOME: file('home') }
  const user = ['--own-key', '--userid', name, '--rev-cert', file(`${name}.rev`)]
  await peer('sq').output(['--batch', 'key', 'generate', ...user, ...protection], { env })
  await peer('sq').output(['--batch', 'cert', 'export', '--cert-userid', name, '--output', file(`${name}.pgp`)], {
    env,
  })
  const shown = await peer('sq').output(['inspect', file(`${name}.pgp`)], { env })
  const fingerprint = /Fingerprint: (?<fingerprint>[0-9A-F]+)/.exec(shown)?.groups?.['fingerprint']
  if (fingerprint === undefined) throw new Error(`sq made no key: ${shown}`)
  return fingerprint
}

function copyWords(flags: readonly string[], from: string, to: string): readonly string[] {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  return ['--registries.d', registriesD, 'copy', ...insecure, ...flags, from, to]
}

const image = (name: string): string => `docker://${site.registries.docker}/${name}`

describe.skipIf(missing)(`signing with Sequoia's keys ${missing ?? ''}`, () => {
  test('SIG-16: a key without a passphrase', async () => {
    const words = copyWords(['--sign-by-sq-fingerprint', open], testImage('small'), image('open:1'))
    const { stdout } = await succeeding(site.transload.run(words))
    expect(stdout).toContain(
      '\nCreating signature: Signing image using Sequoia-PGP simple signing\nStoring signatures\n',
    )
  })

  test('SIG-17: a key with one', async () => {
    const flags = ['--sign-by-sq-fingerprint', locked, '--sign-passphrase-file', file('first-line')]
    const outcome = await site.transload.run(copyWords(flags, testImage('docker'), image('locked:1')))
    expect(outcome.code).toBe(0)
  })

  test('SIG-18: policies with these keys take the images', async () => {
    for (const mover of [site.transload, site.skopeo]) {
      for (const name of ['open:1', 'locked:1']) {
        const outcome = await mover.runUnder(policy, copyWords(['-q'], image(name), `dir:${site.newPath()}`))
        expect(outcome).toMatchObject({ code: 0, output: '' })
      }
    }
  })

  test.each([
    ['a wrong passphrase', () => locked, () => ['--sign-passphrase-file', file('wrong')], 'Unusable secret key'],
    ['no passphrase', () => locked, () => [], 'Unusable secret key'],
    ['an unknown key', () => open.replaceAll(/[A-F]/g, '0'), () => [], /^key "[0-9]+" not found$/],
    ['no fingerprint', () => 'somebody', () => [], /^sq: invalid value 'somebody'/],
  ])('%s is said before anything is copied', async (_, key, flags, problem) => {
    const directory = site.newPath()
    const words = ['copy', '--sign-by-sq-fingerprint', key(), ...flags(), testImage('small'), `dir:${directory}`]
    const outcome = await site.transload.run(words)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    const prefix = 'Error using --sign-by-sq-fingerprint: '
    const message = fatalMessage(outcome)
    expect(message.startsWith(prefix)).toBe(true)
    expect(message.slice(prefix.length)).toMatch(problem)
    await expect(readFile(join(directory, 'version'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
