import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Signer } from '@transload/contract'
import { copyImage } from '@transload/core'
import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import {
  createFulcioKeys,
  createSigstoreSigner,
  generateKeyPairFiles,
  parseIdToken,
  readSigningKey,
} from '@transload/signing/sigstore'
import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import dirTransport from '@transload/transport-dir'
import ociTransport from '@transload/transport-oci'
import { generateKey } from 'openpgp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { writeToLayout } from './write-image.ts'

const image = fixtureImage()
const index = fixtureIndex('oci')
const identity = 'example.com/app:1'
const unsigned = 'Source image rejected: A signature was required, but no signature exists'

let user: User
let registry: RegistryServer
let services: FakeSigstore
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  services = await startFakeSigstore()
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  await writeToLayout(index, join(user.home, 'images'), 'list')
  for (const name of ['alice', 'bob']) {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name }], format: 'armored' })
    await writeFile(join(user.home, `${name}.key`), privateKey)
    await writeFile(join(user.home, `${name}.pub`), publicKey)
  }
  const signing = ['--sign-by-key-file', 'alice.key', '--sign-identity', identity]
  await user.succeed(['copy', '-q', ...signing, 'oci:images:v1', 'dir:signed'])
  await user.succeed(['copy', '-q', '--all', ...signing, 'oci:images:list', 'dir:list'])
  await user.succeed(['copy', '-q', 'oci:images:v1', 'dir:unsigned'])
}, 60_000)
afterAll(async () => {
  await services[Symbol.asyncDispose]()
  await registry.close()
  await user[Symbol.asyncDispose]()
})

/** The name of what is in the registry. */
function at(name: string): string {
  return `docker://${registry.host}/${name}`
}

/** Copies the image within the layout, or to a directory, signing it. */
async function signWith(signer: Signer, to: string): Promise<void> {
  await using _ = signer
  const oci = ociTransport()
  const transport = signer.makes === 'bundle' ? oci : dirTransport()
  await copyImage(
    { transport: oci, reference: oci.parse('images:v1', user.home) },
    { transport, reference: transport.parse(to, user.home) },
    { signers: [signer], signIdentity: identity },
  )
}

describe('verify', () => {
  it('prints what is signed, and with --json by whom', async () => {
    expect(await user.succeed(['verify', '--key', 'alice.pub', 'dir:signed'])).toBe(`${image.root.digest}\n`)
    const report = JSON.parse(await user.succeed(['--json', 'verify', '--key', 'alice.pub', 'dir:signed'])) as unknown
    const signer = expect.stringMatching(/^[0-9A-F]{40}$/)
    expect(report).toEqual({
      image: 'dir:signed',
      digest: image.root.digest,
      mediaType: image.root.mediaType,
      proofs: [{ manifest: image.root.digest, identity, signer }],
    })
  })

  it.each([
    ['what nobody signed', ['--key', 'alice.pub', 'dir:unsigned'], unsigned],
    ['another’s signature', ['--key', 'bob.pub', 'dir:signed'], 'Source image rejected: Invalid GPG signature: '],
    [
      'what a policy accepts without a signature',
      ['dir:signed'],
      'Source image rejected: No signature verification policy found for image dir:signed',
    ],
    ['nothing', ['--insecure-policy', 'dir:signed'], '--insecure-policy leaves nothing to verify'],
    ['a key that is not there', ['--key', 'none', 'dir:signed'], 'Error reading --key: open none: no such file'],
    ['two kinds of keys', ['--key', 'alice.pub', '--key', 'pem', 'dir:signed'], 'not both at once'],
    ['a certificate without its authority', ['--certificate-identity', 'jo', 'dir:signed'], 'all of --certificate-'],
    ['a key and a certificate', ['--key', 'pem', '--certificate-identity', 'jo', 'dir:signed'], 'used together'],
    [
      'a name that is none',
      ['--key', 'pem', '--signed-identity', 'UP', 'dir:signed'],
      'Could not parse --signed-identity',
    ],
    ['a log of OpenPGP signatures', ['--key', 'alice.pub', '--rekor-key', 'pem', 'dir:signed'], '--rekor-key is about'],
  ])('refuses %s, and prints nothing', async (_, words, problem) => {
    await writeFile(join(user.home, 'pem'), '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n')
    const outcome = await user.run(['verify', ...words])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toContain(problem)
  })

  it('goes by the policy', async () => {
    const signedIdentity = { type: 'exactReference', dockerReference: identity }
    const rule = { type: 'signedBy', keyType: 'GPGKeys', keyPath: join(user.home, 'alice.pub'), signedIdentity }
    await writeFile(join(user.home, 'policy.json'), JSON.stringify({ default: [rule] }))
    const words = ['--policy', 'policy.json', 'verify']
    expect(await user.succeed([...words, 'dir:signed'])).toBe(`${image.root.digest}\n`)
    expect(fatalMessage(await user.run([...words, 'dir:unsigned']))).toBe(unsigned)
    const other = { ...rule, signedIdentity: { type: 'exactReference', dockerReference: 'example.com/app:2' } }
    await writeFile(join(user.home, 'policy.json'), JSON.stringify({ default: [other] }))
    expect(fatalMessage(await user.run([...words, 'dir:signed']))).toBe(
      `Source image rejected: Signature for identity "${identity}" is not accepted`,
    )
  })

  it('has a signature be for the name of an image that has one', async () => {
    await writeFile(join(user.home, 'lookaside.yaml'), `default-docker:\n  lookaside: file://${user.home}/lookaside\n`)
    const copy = ['--registries.d', '.', 'copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false']
    await user.succeed([...copy, '--sign-by-key-file', 'alice.key', 'oci:images:v1', at('app:1')])
    await user.succeed([...copy, at('app:1'), at('app:2')])
    const words = ['--registries.d', '.', 'verify', '--tls-verify=false', '--key', 'alice.pub']
    for (const name of ['app:1', `app@${image.root.digest}`]) {
      expect(await user.succeed([...words, at(name)])).toBe(`${image.root.digest}\n`)
    }
    expect(fatalMessage(await user.run([...words, at('app:2')]))).toContain('/app:1" is not accepted')
    const original = ['--signed-identity', `${registry.host}/app`]
    expect(await user.succeed([...words, ...original, at('app:2')])).toBe(`${image.root.digest}\n`)
    expect((await user.run([...words, ...original.with(1, 'example.com/app'), at('app:1')])).code).toBe(1)
  })

  it('proves a list, or, if that is not signed, its image for the platform', async () => {
    const words = ['--override-os', 'linux', '--override-arch', 'amd64', 'verify', '--key', 'alice.pub']
    expect(await user.succeed([...words, 'dir:list'])).toBe(`${index.root.digest}\n`)
    const ofList = (await readdir(join(user.home, 'list'))).filter((name) => name.startsWith('signature-'))
    for (const name of ofList) await rm(join(user.home, 'list', name))
    expect(await user.succeed([...words, 'dir:list'])).toBe(`${index.children[0]!.digest}\n`)
  })
})

describe('verify of sigstore signatures', () => {
  it.each(['attachment', 'bundle'] as const)('by a key, as %s', async (form) => {
    const { privateKey, publicKey } = await generateKeyPairFiles(Buffer.from('secret'))
    const { publicKey: otherKey } = await generateKeyPairFiles(Buffer.from('secret'))
    await writeFile(join(user.home, 'cosign.pub'), publicKey)
    await writeFile(join(user.home, 'other.pub'), otherKey)
    const key = await readSigningKey(Buffer.from(privateKey), Buffer.from('secret'))
    const to = form === 'bundle' ? 'by-key:v1' : 'by-key'
    await signWith(createSigstoreSigner({ key, form }), to)
    const name = form === 'bundle' ? `oci:${to}` : `dir:${to}`
    expect(await user.succeed(['verify', '--key', 'cosign.pub', name])).toBe(`${image.root.digest}\n`)
    const outcome = await user.run(['verify', '--key', 'other.pub', name])
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toContain('Source image rejected: ')
  })

  it.each(['attachment', 'bundle'] as const)('by whom a certificate names, as %s', async (form) => {
    const { authority, log, fulcioUrl, rekorUrl, oidcUrl } = services
    await writeFile(join(user.home, 'fulcio.pem'), authority.chain.join(''))
    await writeFile(join(user.home, 'rekor.pub'), log.publicKey.export({ type: 'spki', format: 'pem' }))
    const token = parseIdToken(services.createToken())
    const key = createFulcioKeys({ url: fulcioUrl, token })
    const to = form === 'bundle' ? 'certified-oci:v1' : 'certified'
    await signWith(createSigstoreSigner({ key, form, rekor: { url: rekorUrl } }), to)
    const name = form === 'bundle' ? `oci:${to}` : `dir:${to}`
    const trust = ['--certificate-authority', 'fulcio.pem', '--rekor-key', 'rekor.pub']
    const by = (who: string, issuer = oidcUrl): readonly string[] =>
      ['verify', ...trust, '--certificate-identity', who].concat('--certificate-oidc-issuer', issuer, name)
    expect(await user.succeed(by('jo@example.com'))).toBe(`${image.root.digest}\n`)
    expect(fatalMessage(await user.run(by('ann@example.com')))).toContain(
      'Required identity "ann@example.com" not found',
    )
    const elsewhere = await user.run(by('jo@example.com', 'https://other.example'))
    expect(fatalMessage(elsewhere)).toContain('Unexpected Fulcio OIDC issuer')
  })
})

describe('inspect --verify', () => {
  it('shows what is signed', async () => {
    const shown = await user.succeed(['inspect', '--verify', '--key', 'alice.pub', 'dir:signed'])
    expect(JSON.parse(shown)).toMatchObject({ Digest: image.root.digest, Architecture: 'amd64' })
    expect(await user.succeed(['inspect', '--raw', '--verify', '--key', 'alice.pub', 'dir:signed'])).toBe(
      Buffer.from(image.root.bytes).toString(),
    )
  })

  it.each([[[]], [['--raw']], [['--config']], [['--platforms']], [['--raw', '--config']]])(
    'shows nothing of what is not: %j',
    async (flags) => {
      const outcome = await user.run(['inspect', ...flags, '--verify', '--key', 'alice.pub', 'dir:unsigned'])
      expect(outcome).toMatchObject({ code: 1, stdout: '' })
      expect(fatalMessage(outcome)).toBe(unsigned)
    },
  )

  it('shows the image of a list that is signed when the list is not, and not the list', async () => {
    const words = ['--override-os', 'linux', '--override-arch', 'amd64', 'inspect', '--verify', '--key', 'alice.pub']
    expect(JSON.parse(await user.succeed([...words, 'dir:list']))).toMatchObject({ Digest: index.children[0]!.digest })
    expect(fatalMessage(await user.run([...words, '--raw', 'dir:list']))).toBe(unsigned)
  })

  it('is needed for what says whose signatures are accepted', async () => {
    const outcome = await user.run(['inspect', '--key', 'alice.pub', 'dir:signed'])
    expect(fatalMessage(outcome)).toContain('without --verify')
  })
})
