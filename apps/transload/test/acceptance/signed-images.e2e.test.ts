import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import { generateKey } from 'openpgp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const index = fixtureIndex('oci')
const noSignature = 'Source image rejected: A signature was required, but no signature exists'

let user: User
let registry: RegistryServer
let count = 0
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await writeToLayout(fixtureImage({ label: 'other' }), join(user.home, 'images'), 'other')
  await writeToLayout(index, join(user.home, 'images'), 'list')
  for (const name of ['alice', 'bob']) {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name }], format: 'armored' })
    await writeFile(join(user.home, `${name}.key`), privateKey)
    await writeFile(join(user.home, `${name}.pub`), publicKey)
  }
  const lookaside = `default-docker:\n  lookaside: file://${join(user.home, 'lookaside')}\n`
  await user.succeed(['copy', '-q', 'oci:images:v1', 'dir:unsigned'])
  await mkdir(join(user.home, 'registries.d'))
  await writeFile(join(user.home, 'registries.d/default.yaml'), lookaside)
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

/** Without the transport, which is not what signatures name. */
function nameOf(image: string): string {
  return `${registry.host}/${image}`
}

function signedBy(key: 'alice' | 'bob', signedIdentity?: object): object {
  return { type: 'signedBy', keyType: 'GPGKeys', keyPath: join(user.home, `${key}.pub`), signedIdentity }
}

/** The flags for a policy that rejects but where `scopes` of the registry say otherwise. */
async function under(scopes: Readonly<Record<string, readonly object[]>>): Promise<readonly string[]> {
  const docker = Object.fromEntries(Object.entries(scopes).map(([scope, rules]) => [nameOf(scope), rules]))
  const file = join(user.home, `policy${++count}.json`)
  await writeFile(file, JSON.stringify({ default: [{ type: 'reject' }], transports: { docker } }))
  return ['--policy', file]
}

const storage = ['--registries.d', 'registries.d']

async function push(from: string, image: string, ...flags: readonly string[]): Promise<void> {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  await user.succeed([...storage, 'copy', '-q', ...insecure, ...flags, from, `docker://${nameOf(image)}`])
}

async function pull(image: string, ...flags: readonly string[]): Promise<Outcome> {
  const to = `pulled${++count}`
  const source = `docker://${nameOf(image)}`
  const outcome = await user.run([...flags, ...storage, 'copy', '--src-tls-verify=false', source, `dir:${to}`])
  // What is refused is so before anything is there.
  expect((await readdir(user.home)).includes(to)).toBe(outcome.code === 0)
  return outcome
}

describe('images of a registry', () => {
  it('SIG-08, SIG-09: a signature counts for the name it is for, or for which the policy takes it', async () => {
    await push('oci:images:v1', 'official:official', '--sign-by-key-file', 'alice.key')
    await push(`docker://${nameOf('official:official')}`, 'naming:test1')
    const dockerReference = nameOf('official:official')
    const strict = await under({ official: [signedBy('alice')], naming: [signedBy('alice')] })
    expect((await pull('official:official', ...strict)).code).toBe(0)
    expect(fatalMessage(await pull('naming:test1', ...strict))).toContain(
      `Source image rejected: Signature for identity "${dockerReference}" is not accepted`,
    )
    const named = await under({ naming: [signedBy('alice', { type: 'exactReference', dockerReference })] })
    expect((await pull('naming:test1', ...named)).code).toBe(0)
  })

  it('SIG-20: what is not signed is refused', async () => {
    await push('oci:images:other', 'unsigned:v1')
    const outcome = await pull('unsigned:v1', ...(await under({ unsigned: [signedBy('alice')] })))
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe(noSignature)
  })

  it('SIG-38, SIG-39: a signature made elsewhere counts where the policy remaps the name', async () => {
    const remapIdentity = { type: 'remapIdentity', prefix: nameOf('remapped'), signedPrefix: 'vendor.test/upstream' }
    const policy = await under({ remapped: [signedBy('alice', remapIdentity)] })
    await push('oci:images:v1', 'remapped/app:1', '--sign-by-key-file', 'alice.key')
    expect((await pull('remapped/app:1')).code).toBe(0)
    expect((await pull('remapped/app:1', ...policy)).code).toBe(1)
    const identity = ['--sign-identity', 'vendor.test/upstream/app:1']
    await push('oci:images:v1', 'remapped/app:1', '--sign-by-key-file', 'alice.key', ...identity)
    expect((await pull('remapped/app:1', ...policy)).code).toBe(0)
  })

  it('SIG-49, SIG-50, SIG-51, SIG-52: each repository has its own requirements', async () => {
    await push('oci:images:v1', 'alice:signed', '--sign-by-key-file', 'alice.key')
    await push('oci:images:v1', 'alice:unsigned')
    await push('oci:images:v1', 'bob:signedbyalice', '--sign-by-key-file', 'alice.key')
    await push('oci:images:v1', 'carol:latest')
    await push('oci:images:v1', 'open/forall:latest')
    const policy = await under({
      alice: [signedBy('alice')],
      bob: [signedBy('bob')],
      open: [{ type: 'insecureAcceptAnything' }],
    })
    expect((await pull('alice:signed', ...policy)).code).toBe(0)
    expect(fatalMessage(await pull('bob:signedbyalice', ...policy))).toMatch(
      /Source image rejected: .*(?:Invalid GPG signature|Missing key)/,
    )
    expect(fatalMessage(await pull('alice:unsigned', ...policy))).toContain(
      `Signature for identity "${nameOf('alice:signed')}" is not accepted`,
    )
    expect(fatalMessage(await pull('carol:latest', ...policy))).toBe(
      `Source image rejected: Running image docker://${nameOf('carol:latest')} is rejected by policy.`,
    )
    expect((await pull('open/forall:latest', ...policy)).code).toBe(0)
  })
})

describe('lists', () => {
  it('are accepted with their images, or for themselves', async () => {
    await push('oci:images:list', 'list:signed', '--all', '--sign-by-key-file', 'alice.key')
    const policy = [...(await under({ list: [signedBy('alice')] })), ...storage]
    const copy = async (...flags: readonly string[]): Promise<Outcome> =>
      await user.run([
        ...policy,
        'copy',
        '--src-tls-verify=false',
        ...flags,
        `docker://${nameOf('list:signed')}`,
        `dir:list${++count}`,
      ])
    for (const flags of [['--all'], ['--multi-arch', 'index-only'], []]) expect((await copy(...flags)).code).toBe(0)
    const [digest] = await readdir(join(user.home, 'lookaside')).then((names) =>
      names.filter((name) => name.includes(index.root.digest.replace(':', '='))),
    )
    expect(digest).toBeDefined()
    await rm(join(user.home, 'lookaside', digest!), { recursive: true })
    expect((await copy('--all')).code).toBe(0)
    expect(fatalMessage(await copy('--multi-arch', 'index-only'))).toBe(noSignature)
  })
})

describe('--require-signed', () => {
  it('SIG-41: is not for those who accept anything', async () => {
    const outcome = await user.run(['--insecure-policy', '--require-signed', 'inspect', 'dir:/nonexistent'])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe('--insecure-policy and --require-signed are mutually exclusive')
  })

  it('SIG-43: a policy that accepts anything does not do', async () => {
    const outcome = await user.run(['--require-signed', 'copy', 'dir:unsigned', 'dir:none'])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe(
      `Source image rejected: No signature verification policy found for image dir:unsigned`,
    )
  })
})
