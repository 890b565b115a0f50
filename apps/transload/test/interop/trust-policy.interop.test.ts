import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage } from '../run-cli.ts'
import { createGnupgHome, type GnupgHome } from './gnupg-home.ts'
import { signedBy, writePolicy } from './signing-policy.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'gpg', 'gpgconf')

const identity = 'example.com/team/app:1'

let site: Site
let home: GnupgHome
beforeAll(async () => {
  if (missing) return
  home = await createGnupgHome()
  site = await openSite({ GNUPGHOME: home.path })
}, 60_000)
afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await home?.[Symbol.asyncDispose]()
})

/** What both say to a copy of nothing under the policy. */
async function saidOf(text: string): Promise<Readonly<Record<'transload' | 'skopeo', string>>> {
  const file = site.newPath()
  await writeFile(file, text)
  const words = ['copy', 'dir:/nonexistent', `dir:${site.newPath()}`]
  const [ours, theirs] = await Promise.all([site.transload, site.skopeo].map((mover) => mover.runUnder(file, words)))
  return { transload: fatalMessage(ours!), skopeo: fatalMessage(theirs!) }
}

function requirement(members: string): string {
  return `{"default":[{${members}}]}`
}

function simple(members: string): string {
  return requirement(`"type":"signedBy","keyType":"GPGKeys",${members}`)
}

function sigstore(members: string): string {
  return requirement(`"type":"sigstoreSigned",${members}`)
}

function matcher(members: string): string {
  return simple(`"keyPath":"a","signedIdentity":{${members}}`)
}

function scope(transport: string, name: string): string {
  return `{"default":[{"type":"reject"}],"transports":{"${transport}":{"${name}":[{"type":"reject"}]}}}`
}

const digest = `sha256:${'0'.repeat(64)}`
const fulcio = '"fulcio":{"caPath":"a","oidcIssuer":"i","subjectEmail":"e"}'

describe.skipIf(missing)(`a policy file ${missing ?? ''}`, () => {
  test.each([
    '{}',
    '{"default":[]}',
    '{"default":[{"type":"reject"}],"Transports":{}}',
    '{"default":[{"type":"reject"}],"default":[{"type":"reject"}]}',
    '{"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}}',
    requirement('"type":"accept"'),
    requirement(''),
    requirement('"type":"reject","x":1'),
    requirement('"type":"reject","type":"reject"'),
    requirement('"type":"signedBaseLayer"'),
    requirement('"type":"signedBy","keyPath":"/k"'),
    requirement('"type":"signedBy","keyType":"x","keyPath":"/k"'),
    simple('"signedIdentity":{"type":"matchExact"}'),
    simple('"keyPath":"a","keyData":"YQ=="'),
    sigstore('"rekorPublicKeyPath":"a"'),
    sigstore('"keyPath":"a","keyData":""'),
    sigstore('"keyPaths":[]'),
    sigstore('"keyDatas":[]'),
    sigstore('"keyPath":"a","rekorPublicKeyPaths":[]'),
    sigstore('"keyPath":"a","rekorPublicKeyDatas":[]'),
    sigstore('"keyPath":"a","rekorPublicKeyPath":"x","rekorPublicKeyData":"YQ=="'),
    sigstore('"fulcio":{"x":1}'),
    sigstore('"fulcio":{}'),
    sigstore('"fulcio":{"caPath":"a","caData":"YQ=="}'),
    sigstore('"fulcio":{"caPath":"a"}'),
    sigstore('"fulcio":{"caPath":"a","oidcIssuer":"a"}'),
    sigstore(fulcio),
    sigstore('"pki":{}'),
    sigstore('"pki":{"caRootsPath":"a","caRootsData":"YQ=="}'),
    sigstore('"pki":{"caRootsPath":"a"}'),
    sigstore('"pki":{"caRootsPath":"a","caIntermediatesPath":"a","caIntermediatesData":"YQ==","subjectEmail":"e"}'),
    sigstore('"pki":{"caRootsPath":"a","subjectHostname":"e"},"rekorPublicKeyPath":"r"'),
    matcher('"type":"matchAny"'),
    matcher(''),
    matcher('"type":"notOtherRepository"'),
    matcher('"type":"matchExact","x":1'),
    matcher('"type":"exactReference"'),
    matcher('"type":"exactReference","dockerReference":"busybox"'),
    matcher('"type":"exactReference","dockerReference":"UP"'),
    matcher('"type":"exactRepository","dockerRepository":"UP"'),
    matcher('"type":"remapIdentity","prefix":"","signedPrefix":"b"'),
    matcher('"type":"remapIdentity","prefix":"a/UP","signedPrefix":"b"'),
    matcher('"type":"remapIdentity","prefix":"a/b:1","signedPrefix":"b"'),
    matcher('"type":"remapIdentity","prefix":"*.a","signedPrefix":"b"'),
    matcher('"type":"remapIdentity","prefix":"a","signedPrefix":"b/c/"'),
    scope('dir', 'a'),
    scope('dir', '/x//y'),
    scope('oci', '/'),
    scope('sif', '/x/'),
    scope('tarball', '/a'),
    scope('docker-archive', '/a'),
    scope('docker-daemon', digest),
    scope('atomic', 'a/b/c/d'),
    scope('atomic', 'a/b:c'),
    scope('containers-storage', '[@/a]'),
    scope('containers-storage', '[o@a]'),
    scope('containers-storage', '[o@/a]n@x'),
    scope('containers-storage', `[o@/a]n@${digest}@x`),
  ])('is refused in the same words: %s', async (text) => {
    const { transload, skopeo } = await saidOf(text)
    expect(skopeo).toContain('Error loading trust policy: invalid policy in ')
    expect(transload).toBe(skopeo)
  })

  // What Go says of JSON of the wrong kind is Go's own.
  test.each([
    '',
    '{} x',
    '[]',
    '{"default":{}}',
    '{"default":["x"]}',
    '{"default":[{"type":"reject"}],"transports":null}',
    simple('"keyPath":5'),
    simple('"keyPath":""'),
    simple('"keyPaths":"x"'),
    simple('"keyPaths":[1]'),
    simple('"keyData":"YQ"'),
    simple('"keyPath":"a","signedIdentity":null'),
    sigstore('"keyDatas":["!"]'),
    sigstore('"fulcio":null'),
  ])('is refused: %s', async (text) => {
    for (const said of Object.values(await saidOf(text))) {
      expect(said).toContain('Error loading trust policy: invalid policy in ')
    }
  })

  test.each([
    requirement('"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}'),
    requirement('"type":"signedBy","keyType":"X509Certificates","keyPath":"/k"'),
    simple('"keyPaths":[]'),
    simple('"keyData":"Y\\nQ=="'),
    sigstore('"keyDatas":["YQ=="]'),
    sigstore(`${fulcio},"rekorPublicKeyPath":"r"`),
    sigstore('"pki":{"caRootsPath":"a","subjectEmail":"e"}'),
    matcher('"type":"exactRepository","dockerRepository":"a:1"'),
    matcher('"type":"remapIdentity","prefix":"UP","signedPrefix":"b"'),
    scope('docker-daemon', 'a:b:c'),
    scope('atomic', 'a/b/c:d'),
    scope('containers-storage', '[/a]'),
    scope('containers-storage', `[o@/a]n@${'0'.repeat(64)}`),
    scope('containers-storage', `[o@/a]n@${digest}@${'0'.repeat(64)}`),
    scope('docker', '%%'),
    scope('oci', '/x:t'),
    scope('ostree', 'x'),
  ])('is taken: %s', async (text) => {
    for (const said of Object.values(await saidOf(text))) expect(said).toContain('/nonexistent')
  })
})

test.skipIf(missing)(
  'SIG-44, SIG-45, SIG-46: a directory is signed by hand, and is not without that file',
  async () => {
    const key = await home.makeKey('Eve <eve@example.com>', 'ed25519')
    const directory = await put([], testImage('small'))
    const file = join(directory, 'signature-1')
    const signing = ['standalone-sign', '-o', file, join(directory, 'manifest.json'), identity, key]
    expect(await site.transload.run(signing)).toMatchObject({ code: 0 })
    expect((await stat(file)).isFile()).toBe(true)
    const rule = signedBy(await home.exportPublic(key), {
      type: 'exactRepository',
      dockerRepository: 'example.com/team/app',
    })
    const policy = await writePolicy(site.newPath(), { dir: { [directory]: [rule] } })
    const words = ['--require-signed', 'copy', `dir:${directory}`, `dir:${site.newPath()}`]
    expect(await site.transload.runUnder(policy, words)).toMatchObject({ code: 0 })
    await rm(file)
    const outcome = await site.transload.runUnder(policy, words)
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toContain('A signature was required, but no signature exists')
  },
)

describe.skipIf(missing)(`the same verdicts ${missing ?? ''}`, () => {
  const exact = { type: 'exactReference', dockerReference: identity }
  let images: Readonly<Record<'unsigned' | 'signed' | 'list' | 'unsignedList' | 'mixed' | 'broken', string>>
  let rules: Readonly<Record<'ann' | 'other' | 'bob' | 'both' | 'unnamed', readonly object[]>>
  beforeAll(async () => {
    const ann = await home.makeKey('ann@example.com', 'ed25519')
    const bob = await home.makeKey('bob@example.com', 'ed25519')
    const [annFile, bobFile] = [await home.exportPublic(ann), await home.exportPublic(bob)]
    rules = {
      ann: [signedBy(annFile, exact)],
      other: [signedBy(annFile, { ...exact, dockerReference: 'example.com/team/app:2' })],
      bob: [signedBy(bobFile, exact)],
      both: [signedBy(annFile, exact), signedBy(bobFile, exact)],
      unnamed: [signedBy(annFile)],
    }
    const signing = ['--sign-by', ann, '--sign-identity', identity]
    const signed = await put([...signing], testImage('small'))
    const list = await put(['--all', ...signing], testImage('index-oci'))
    images = {
      unsigned: await put([], testImage('small')),
      signed,
      list,
      unsignedList: await put(['--all'], `dir:${list}`),
      mixed: await put([], `dir:${signed}`),
      broken: await put([], `dir:${signed}`),
    }
    await rm(join(images.unsignedList, 'signature-1'))
    await copyFile(join(list, 'signature-1'), join(images.mixed, 'signature-2'))
    const bytes = await readFile(join(signed, 'signature-1'))
    bytes[bytes.length - 20]! ^= 1
    await writeFile(join(images.broken, 'signature-1'), bytes)
  }, 60_000)

  test.each<[keyof typeof images, keyof typeof rules, readonly string[]]>([
    ['unsigned', 'ann', []],
    ['signed', 'ann', []],
    ['signed', 'other', []],
    ['signed', 'bob', []],
    ['signed', 'both', []],
    ['signed', 'unnamed', []],
    ['mixed', 'ann', []],
    ['mixed', 'other', []],
    ['list', 'ann', ['--all']],
    ['list', 'bob', ['--all']],
    ['unsignedList', 'ann', ['--all']],
    ['unsignedList', 'ann', []],
  ])('%s, which the policy wants signed by %s %j', async (image, rule, flags) => {
    const directory = images[image]
    const policy = await writePolicy(site.newPath(), { dir: { [directory]: rules[rule] } })
    const judge = async (mover: Mover): Promise<unknown> => {
      const words = ['copy', '-q', ...flags, `dir:${directory}`, `dir:${site.newPath()}`]
      const outcome = await mover.runUnder(policy, words)
      return { code: outcome.code, said: outcome.code === 0 ? '' : verdictIn(fatalMessage(outcome)) }
    }
    expect(await judge(site.transload)).toEqual(await judge(site.skopeo))
  })

  // gpg compresses what it signs: where a changed byte is noticed, and so the reason, is another with every signature.
  test('broken, which the policy wants signed by ann', async () => {
    const policy = await writePolicy(site.newPath(), { dir: { [images.broken]: rules.ann } })
    for (const mover of [site.transload, site.skopeo]) {
      const outcome = await mover.runUnder(policy, ['copy', '-q', `dir:${images.broken}`, `dir:${site.newPath()}`])
      expect([outcome.code, fatalMessage(outcome)]).toEqual([1, expect.stringContaining('Source image rejected: ')])
    }
  })
})

/** A directory to which skopeo has copied the image. */
async function put(flags: readonly string[], image: string): Promise<string> {
  const directory = site.newPath()
  await succeeding(site.skopeo.copy(flags, image, `dir:${directory}`))
  return directory
}

/** Without what gpg says in detail, and where in a list the image is: we judge the list first. */
function verdictIn(message: string): string {
  return message.replace(/(Invalid GPG signature): .*/, '$1').replace(/^copying image \S+ from manifest list: /, '')
}
