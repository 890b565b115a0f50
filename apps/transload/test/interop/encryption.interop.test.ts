import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { peer, requirePeers, testImage, type TestImageName } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'gpg', 'openssl')

/** A key provider that keeps keys by not touching them. */
const keeper = [
  's/.*"op":"keywrap".*"optsdata":"\\([^"]*\\)".*/{"keywrapresults":{"annotation":"\\1"}}/p',
  's/.*"op":"keyunwrap".*"annotation":"\\([^"]*\\)".*/{"keyunwrapresults":{"optsdata":"\\1"}}/p',
].join('; ')

let keys: string
let site: Site
/** An image with one encrypted layer. */
let sealed: string
beforeAll(async () => {
  if (missing) return
  keys = await mkdtemp(join(tmpdir(), 'transload-keys-'))
  const providers = { 'key-providers': { keeper: { cmd: { path: '/bin/sed', args: ['-n', keeper] } } } }
  await writeFile(join(keys, 'providers.json'), JSON.stringify(providers))
  const gnupg = join(keys, 'gnupg')
  await mkdir(gnupg, { mode: 0o700 })
  await makeKeys(gnupg)
  site = await openSite({ GNUPGHOME: gnupg, OCICRYPT_KEYPROVIDER_CONFIG: join(keys, 'providers.json') })
  sealed = `oci:${site.newPath()}:v1`
  const recipients = encryptingFor('jwe:KEYS/rsa.pub', 'pkcs7:KEYS/rsa.crt')
  await succeeding(site.transload.copy([...recipients, '--encrypt-layer', '0'], testImage('small'), sealed))
}, 60_000)
afterAll(async () => {
  if (missing) return
  await site[Symbol.asyncDispose]()
  await rm(keys, { recursive: true, force: true })
})

async function makeKeys(gnupg: string): Promise<void> {
  const options = { cwd: keys }
  const openssl = async (...words: string[]): Promise<void> => void (await peer('openssl').run(words, options))
  for (const name of ['rsa', 'other']) {
    await openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', `${name}.pem`)
  }
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out', 'ec.pem')
  for (const name of ['rsa', 'ec']) await openssl('pkey', '-in', `${name}.pem`, '-pubout', '-out', `${name}.pub`)
  await openssl('rsa', '-in', 'rsa.pem', '-aes256', '-traditional', '-passout', 'pass:sesame', '-out', 'locked.pem')
  await openssl('req', '-x509', '-new', '-key', 'rsa.pem', '-subj', '/C=CH/O=transload/CN=recipient', '-out', 'rsa.crt')
  await openssl('req', '-x509', '-new', '-key', 'other.pem', '-subj', '/CN=other', '-out', 'other.crt')
  const gpg = async (...words: string[]): Promise<void> =>
    void (await peer('gpg').run(['--homedir', gnupg, '--batch', '--quiet', '--passphrase', '', ...words], options))
  for (const name of ['Ann', 'Bob']) {
    await gpg(
      '--pinentry-mode',
      'loopback',
      '--quick-gen-key',
      `${name} <${name.toLowerCase()}@example.com>`,
      'rsa2048',
      'default',
      'never',
    )
    await addEncryptionKey(gnupg, name, gpg)
    await gpg('--output', join(keys, `${name}.gpg`), '--export-secret-keys', name)
  }
}

async function addEncryptionKey(
  gnupg: string,
  name: string,
  gpg: (...words: string[]) => Promise<void>,
): Promise<void> {
  const listed = await peer('gpg').run(['--homedir', gnupg, '--batch', '--with-colons', '--list-keys', name])
  const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(listed.stdout)?.[1]
  if (fingerprint === undefined) throw new Error(`gpg made no key: ${listed.stdout}${listed.stderr}`)
  await gpg('--pinentry-mode', 'loopback', '--quick-add-key', fingerprint, 'rsa2048', 'encr', 'never')
}

const key = (name: string): string => join(keys, name)
const encryptingFor = (...recipients: string[]): string[] =>
  recipients.flatMap((text) => ['--encryption-key', text.replace('KEYS', keys)])
const decryptingWith = (...names: string[]): string[] =>
  names.flatMap((text) => ['--decryption-key', text.startsWith('provider:') ? text : key(text)])

describe.skipIf(missing)(`what one encrypts the other decrypts ${missing ?? ''}`, () => {
  test.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ['JWE, RSA', ['jwe:KEYS/rsa.pub'], [], ['other.pem', 'rsa.pem']],
    ['JWE, RSA, locked', ['jwe:KEYS/rsa.pub'], [], ['locked.pem:pass=sesame']],
    ['JWE, EC', ['jwe:KEYS/ec.pub'], [], ['ec.pem']],
    ['JWE, two recipients, chosen layers', ['jwe:KEYS/ec.pub', 'jwe:KEYS/rsa.pub'], ['0', '-1'], ['rsa.pem']],
    ['PKCS #7', ['pkcs7:KEYS/rsa.crt'], ['-1'], ['rsa.pem', 'other.crt', 'rsa.crt']],
    ['PKCS #7, two recipients', ['pkcs7:KEYS/other.crt', 'pkcs7:KEYS/rsa.crt'], [], ['rsa.pem', 'rsa.crt']],
    ['OpenPGP, by address', ['pgp:ann@example.com'], [], ['Bob.gpg', 'Ann.gpg']],
    ['OpenPGP, by name, two recipients', ['pgp:Ann', 'pgp:Bob'], ['0'], ['Bob.gpg']],
    ['a key provider', ['provider:keeper'], [], ['provider:keeper']],
    ['a key provider with an argument', ['provider:keeper:ring'], ['0'], ['provider:keeper']],
    ['all kinds', ['jwe:KEYS/ec.pub', 'pkcs7:KEYS/rsa.crt', 'pgp:Bob', 'provider:keeper'], [], ['Bob.gpg']],
  ])('%s', async (_, recipients, layers, decryptionKeys) => {
    const flags = [...encryptingFor(...recipients), ...layers.flatMap((layer) => ['--encrypt-layer', layer])]
    const { transload, skopeo } = site
    for (const [encrypting, decrypting] of [
      [transload, skopeo],
      [skopeo, transload],
    ] as const) {
      const encrypted = `oci:${site.newPath()}:v1`
      const decrypted = site.newPath()
      await succeeding(encrypting.copy(flags, testImage('small'), encrypted))
      expect(await encryptedLayersOf(encrypted)).toBe(layers.length || 3)
      await succeeding(decrypting.copy(decryptingWith(...decryptionKeys), encrypted, `dir:${decrypted}`))
      expect(await blobsOf(decrypted)).toEqual(await blobsOfImage('small'))
    }
  })

  test('every image of a list', async () => {
    for (const [encrypting, decrypting] of [
      [site.transload, site.skopeo],
      [site.skopeo, site.transload],
    ] as const) {
      const encrypted = `oci:${site.newPath()}:v1`
      const decrypted = site.newPath()
      await succeeding(
        encrypting.copy(['--all', ...encryptingFor('jwe:KEYS/rsa.pub')], testImage('index-oci'), encrypted),
      )
      await succeeding(decrypting.copy(['--all', ...decryptingWith('rsa.pem')], encrypted, `dir:${decrypted}`))
      expect(await blobsOf(decrypted)).toEqual(await blobsOfImage('index-oci', '--all'))
    }
  })

  test('a layer compressed on the way, and one in zstd', async () => {
    const plain = site.newPath()
    await succeeding(site.skopeo.copy(['--dest-decompress'], testImage('small'), `dir:${plain}`))
    for (const flags of [[], ['--dest-compress-format', 'zstd']]) {
      const encrypted = `oci:${site.newPath()}:v1`
      const decrypted = site.newPath()
      await succeeding(site.transload.copy([...flags, ...encryptingFor('jwe:KEYS/rsa.pub')], `dir:${plain}`, encrypted))
      await succeeding(site.skopeo.copy(decryptingWith('rsa.pem'), encrypted, `dir:${decrypted}`))
      const opened = site.newPath()
      await succeeding(site.skopeo.copy(['--dest-decompress'], `dir:${decrypted}`, `dir:${opened}`))
      expect(await blobsOf(opened)).toEqual(await blobsOf(plain))
    }
  })

  test('an image in schema 1, before and after', async () => {
    const old = site.newPath()
    await succeeding(site.skopeo.copy(['--format', 'v2s1'], testImage('small'), `dir:${old}`))
    for (const [encrypting, decrypting] of [
      [site.transload, site.skopeo],
      [site.skopeo, site.transload],
    ] as const) {
      const encrypted = `oci:${site.newPath()}:v1`
      const decrypted = site.newPath()
      await succeeding(encrypting.copy(encryptingFor('jwe:KEYS/rsa.pub'), `dir:${old}`, encrypted))
      expect(await encryptedLayersOf(encrypted)).toBe(3)
      const flags = ['--format', 'v2s1', ...decryptingWith('rsa.pem')]
      await succeeding(decrypting.copy(flags, encrypted, `dir:${decrypted}`))
      expect(await blobsOf(decrypted)).toEqual(await blobsOf(old))
    }
  })

  test('in a registry, and copied without a key', async () => {
    for (const registry of Object.values(site.registries)) {
      const [first, second] = ['encrypted', 'copied'].map((name) => `docker://${registry}/${name}:v1`) as [
        string,
        string,
      ]
      await succeeding(site.transload.copy(encryptingFor('jwe:KEYS/rsa.pub'), testImage('small'), first))
      await succeeding(site.transload.copy([], first, second))
      const decrypted = site.newPath()
      await succeeding(site.skopeo.copy(decryptingWith('rsa.pem'), second, `dir:${decrypted}`))
      expect(await blobsOf(decrypted)).toEqual(await blobsOfImage('small'))
    }
  })
})

describe.skipIf(missing)(`the manifests are those of skopeo ${missing ?? ''}`, () => {
  test.each<[TestImageName, readonly string[]]>([
    ['small', []],
    ['docker', []],
    ['index-docker', ['--all', '--format', 'oci']],
  ])('decrypted: %s', async (image, flags) => {
    const encrypted = `oci:${site.newPath()}:v1`
    await succeeding(site.skopeo.copy([...flags, ...encryptingFor('jwe:KEYS/rsa.pub')], testImage(image), encrypted))
    const [ours, theirs] = [site.newPath(), site.newPath()]
    const decrypting = [...flags, ...decryptingWith('rsa.pem')]
    await succeeding(site.transload.copy(decrypting, encrypted, `dir:${ours}`))
    await succeeding(site.skopeo.copy(decrypting, encrypted, `dir:${theirs}`))
    expect(await readTree(ours)).toEqual(await readTree(theirs))
  })

  test.each<[TestImageName]>([['small'], ['docker']])('encrypted, but for what is random: %s', async (image) => {
    const manifests = await Promise.all(
      [site.transload, site.skopeo].map(async (mover) => {
        const directory = site.newPath()
        await succeeding(
          mover.copy(encryptingFor('jwe:KEYS/rsa.pub', 'pkcs7:KEYS/rsa.crt'), testImage(image), `dir:${directory}`),
        )
        const manifest = await readFile(join(directory, 'manifest.json'), 'utf8')
        return manifest.replaceAll(/"(sha256:[0-9a-f]{64}|[A-Za-z0-9+/]{60,}=*)"/g, '"random"')
      }),
    )
    expect(manifests[0]).toBe(manifests[1])
  })
})

describe.skipIf(missing)(`refused as skopeo does ${missing ?? ''}`, () => {
  test.each<[string, () => readonly string[], 'plain' | 'encrypted', string]>([
    ['the wrong key', () => decryptingWith('other.pem'), 'encrypted', 'oci'],
    ['no private key', () => decryptingWith('rsa.crt'), 'encrypted', 'oci'],
    ['a certificate missing', () => decryptingWith('ec.pem'), 'encrypted', 'oci'],
    ['digests to preserve', () => ['--preserve-digests', ...encryptingFor('jwe:KEYS/rsa.pub')], 'plain', 'oci'],
    ['digests to preserve, decrypting', () => ['--preserve-digests', ...decryptingWith('rsa.pem')], 'encrypted', 'oci'],
    ['Docker archives', () => encryptingFor('jwe:KEYS/rsa.pub'), 'plain', 'docker-archive'],
    ['encrypted to a Docker archive', () => [], 'encrypted', 'docker-archive'],
    ['Docker manifests', () => ['--format', 'v2s2', ...encryptingFor('jwe:KEYS/rsa.pub')], 'plain', 'dir'],
    ['encrypted to Docker manifests', () => ['--format', 'v2s2'], 'encrypted', 'dir'],
    ['a layer out of range', () => ['--encrypt-layer', '-4', ...encryptingFor('jwe:KEYS/rsa.pub')], 'plain', 'oci'],
    ['a recipient without a key', () => encryptingFor('pgp:Zoe'), 'plain', 'oci'],
    ['no recipient', () => encryptingFor('rsa.pub'), 'plain', 'oci'],
    ['an unknown protocol', () => encryptingFor('ssh:rsa.pub'), 'plain', 'oci'],
    ['a missing file', () => encryptingFor('jwe:/missing'), 'plain', 'oci'],
    ['a private key', () => encryptingFor('jwe:KEYS/rsa.pem'), 'plain', 'oci'],
    ['no certificate', () => encryptingFor('pkcs7:KEYS/rsa.pub'), 'plain', 'oci'],
    ['a missing private key', () => ['--decryption-key', '/missing'], 'encrypted', 'oci'],
    ['layers without a key', () => ['--encrypt-layer', '1'], 'plain', 'oci'],
    ['both', () => [...encryptingFor('jwe:KEYS/rsa.pub'), ...decryptingWith('rsa.pem')], 'plain', 'oci'],
  ])('%s', async (_, flags, from, transport) => {
    const source = from === 'plain' ? testImage('small') : sealed
    const target =
      transport === 'docker-archive' ? `docker-archive:${site.newPath()}:app:v1` : `${transport}:${site.newPath()}`
    const ours = await site.transload.copy(flags(), source, target)
    const theirs = await site.skopeo.copy(flags(), source, target)
    expect([ours.code, theirs.code]).toEqual([1, 1])
    expect(sorted(fatalMessage(ours))).toBe(sorted(fatalMessage(theirs)))
  })

  test('bytes that were changed', async () => {
    const [layout, forged] = [site.newPath(), site.newPath()]
    await succeeding(site.transload.copy(encryptingFor('jwe:KEYS/rsa.pub'), testImage('small'), `dir:${layout}`))
    await mkdir(forged)
    for (const name of Object.keys(await readTree(layout))) await copyFile(join(layout, name), join(forged, name))
    const text = await readFile(join(layout, 'manifest.json'), 'utf8')
    const options = JSON.stringify({ cipher: 'AES_256_CTR_HMAC_SHA256', hmac: Buffer.alloc(32).toString('base64') })
    const replaced = text.replaceAll(
      /("org\.opencontainers\.image\.enc\.pubopts":)"[^"]*"/g,
      (__, label: string) => `${label}"${Buffer.from(options).toString('base64')}"`,
    )
    expect(replaced).not.toBe(text)
    await writeFile(join(forged, 'manifest.json'), replaced)
    const flags = ['--image-parallel-copies', '1', ...decryptingWith('rsa.pem')]
    for (const mover of [site.transload, site.skopeo]) {
      const outcome = await mover.copy(flags, `dir:${forged}`, `oci:${site.newPath()}:v1`)
      expect(outcome.code).toBe(1)
      // Go prints the raw bytes of its HMAC, as what is no JSON.
      expect(outcome.stderr).toContain(
        `could not properly decrypt byte stream; exp hmac: '${'0'.repeat(64)}', actual hmac: '`,
      )
    }
  })
})

/** Keys are tried in another order each time: what is said of each is the same. */
function sorted(message: string): string {
  return message.split('\n').toSorted().join('\n')
}

async function encryptedLayersOf(image: string): Promise<number> {
  const { stdout } = await succeeding(site.skopeo.inspect([], image))
  const layers = (JSON.parse(stdout) as { LayersData: { MIMEType: string }[] }).LayersData
  return layers.filter(({ MIMEType }) => MIMEType.endsWith('+encrypted')).length
}

/** Layers and configs in a directory, by their names; the manifest is whatever serialises it. */
async function blobsOf(directory: string): Promise<readonly string[]> {
  const files = Object.keys(await readTree(directory))
  return files.filter((name) => /^[0-9a-f]{64}$/.test(name))
}

async function blobsOfImage(image: TestImageName, ...flags: readonly string[]): Promise<readonly string[]> {
  const directory = site.newPath()
  await succeeding(site.skopeo.copy(flags, testImage(image), `dir:${directory}`))
  return await blobsOf(directory)
}
