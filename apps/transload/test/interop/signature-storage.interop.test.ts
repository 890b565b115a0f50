import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, startDockerRegistry, testImage, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { createUser, type User } from '../run-cli.ts'
import { startServing, type Serving } from '../serving.ts'
import { startNginx } from './servers/nginx.ts'

const missing = requirePeers('skopeo', 'podman', 'cosign', 'registry', 'nginx', 'gpg')

let user: User
let registry: DockerRegistry
/** With the signature extension. */
let keeping: Serving
let folders = 0

beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registry = await startDockerRegistry({ delete: true })
  keeping = await startServing(user, ['--signatures', 'kept'])
  await mkdir(environment().GNUPGHOME, { mode: 0o700 })
  const make = ['--batch', '--passphrase', '', '--quick-gen-key', 'signer@test', 'rsa2048', 'default', 'never']
  await peer('gpg').output(make, { env: environment() })
  await peer('gpg').output(['--armor', '--output', keyFile(), '--export', 'signer@test'], { env: environment() })
}, 120_000)

afterAll(async () => {
  await keeping?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  await user?.[Symbol.asyncDispose]()
})

/** Runs a program of one side; throws with its words if it fails. */
type Run = (words: readonly string[]) => Promise<string>

const programs: Readonly<Record<'transload' | 'skopeo', Run>> = {
  transload: async (words) => {
    const { code, stdout, stderr } = await user.run(words, { env: environment() })
    if (code !== 0) throw new Error(stderr)
    return stdout
  },
  skopeo: (words) => peer('skopeo').output(words, { env: environment(), cwd: user.home }),
}

const pairs = [
  ['transload', 'skopeo'],
  ['skopeo', 'transload'],
] as const

describe.skipIf(missing)(`simple signatures ${missing ?? ''}`, () => {
  test.each(pairs)('of an index and its images: %s writes the lookaside, %s copies it', async (writer, reader) => {
    const [first, second] = [newFolder(), newFolder()]
    const from = `docker://${registry.host}/${writer}/signed:v1`
    const to = `docker://${registry.host}/${writer}/copied:v1`
    const read = await registriesD({ [`${registry.host}/${writer}/signed`]: { lookaside: `file://${first}` } })
    await copy(writer, [...sign, '--all'], testImage('index-oci'), from, read)
    const files = await readTree(first)
    const names = Object.keys(files).filter((name) => name.endsWith('/signature-1'))
    expect(names.length).toBeGreaterThan(2)
    expect(names.every((name) => /^[a-z]+\/signed@sha256=[0-9a-f]{64}\/signature-1$/.test(name))).toBe(true)

    const both = await registriesD({
      [`${registry.host}/${writer}/signed`]: { lookaside: `file://${first}` },
      [`${registry.host}/${writer}/copied`]: { lookaside: `file://${second}` },
    })
    await copy(reader, ['--all'], from, to, both, await signedBy())
    const copied = Object.entries(await readTree(second)).map(([name, content]) => [
      name.replace('/copied@', '/signed@'),
      content,
    ])
    expect(Object.fromEntries(copied)).toEqual(files)

    // The index goes, and its signatures with it; its images stay.
    await programs[reader](['--registries.d', both, 'delete', '--tls-verify=false', from])
    const left = Object.keys(await readTree(first)).filter((name) => /\/signature-/.test(name))
    expect(left.length).toBe(names.length - 1)
  })

  test('podman accepts what transload signed and stored, over http, and nothing else', async () => {
    const store = newFolder()
    await using server = await startNginx(join(user.home, 'nginx'), { upstream: registry.host, files: store })
    const name = `${registry.host}/podman/app:v1`
    const storage = {
      [`${registry.host}/podman`]: {
        lookaside: `http://127.0.0.1:${server.port}/files`,
        'lookaside-staging': `file://${store}`,
      },
    }
    await copy('transload', sign, testImage('base'), `docker://${name}`, await registriesD(storage))
    // Where podman looks, which has no flag for it.
    const home = newFolder()
    const config = join(home, '.config/containers/registries.d')
    await registriesD(storage, config)
    const places = ['--root', newFolder(), '--runroot', newFolder(), '--storage-driver', 'vfs']
    const env = { ...environment(), HOME: home }
    const pull = (image: string, policy: string): Promise<string> =>
      peer('podman').output([...places, 'pull', '--tls-verify=false', '--signature-policy', policy, image], { env })
    const policy = await signedBy()
    expect(await pull(name, policy)).toMatch(/[0-9a-f]{64}/)
    await copy(
      'transload',
      [],
      testImage('small'),
      `docker://${registry.host}/podman/unsigned:v1`,
      await registriesD({}),
    )
    await expect(pull(`${registry.host}/podman/unsigned:v1`, policy)).rejects.toThrow('no signature exists')
    // Reading over http, as transload does it.
    const target = `dir:${newFolder()}`
    await copy('transload', [], `docker://${name}`, target, await registriesD(storage), policy)
    expect(Object.keys(await readTree(target.slice('dir:'.length)))).toContain('signature-1')
  })

  test.each(pairs)('in the registry itself: %s writes, %s reads', async (writer, reader) => {
    const none = await registriesD({})
    const name = `docker://${keeping.host}/${writer}/app:v1`
    await copy(writer, [...sign, '--all'], testImage('index-oci'), name, none)
    const target = newFolder()
    await copy(reader, ['--all'], name, `dir:${target}`, none, await signedBy())
    const signatures = Object.keys(await readTree(target)).filter((file) => file.includes('signature-1'))
    expect(signatures.length).toBeGreaterThan(2)
    // Once more changes nothing: it is the same signature.
    const again = newFolder()
    await copy(writer, ['--all'], `dir:${target}`, name, none)
    await copy(reader, ['--all'], name, `dir:${again}`, none)
    expect(await readTree(again)).toEqual(await readTree(target))
  })
})

describe.skipIf(missing)(`sigstore attachments ${missing ?? ''}`, () => {
  test('skopeo signed arrive as they are, and join others', async () => {
    const attached = await registriesD({ [registry.host]: { 'use-sigstore-attachments': true } })
    const keys = newFolder()
    await mkdir(keys, { recursive: true })
    await writeFile(join(keys, 'pass'), 'secret\n')
    for (const key of ['one', 'two']) {
      const passphrase = ['--passphrase-file', join(keys, 'pass')]
      await programs.skopeo(['generate-sigstore-key', '--output-prefix', join(keys, key), ...passphrase])
    }
    const by = (key: string): readonly string[] => [
      `--sign-by-sigstore-private-key=${join(keys, `${key}.private`)}`,
      `--sign-passphrase-file=${join(keys, 'pass')}`,
      `--sign-identity=${registry.host}/sigstore/to:v1`,
    ]
    const [from, to] = ['from', 'to'].map((name) => `docker://${registry.host}/sigstore/${name}:v1`) as [string, string]
    await copy('skopeo', by('one'), testImage('base'), from, attached)
    await copy('transload', [], from, to, attached)
    expect(await attachment(to)).toBe(await attachment(from))
    await copy('skopeo', by('two'), testImage('base'), to, attached)
    const both = await attachment(to)
    const other = `docker://${registry.host}/sigstore/other:v1`
    await copy('transload', [], from, other, attached)
    await copy('transload', [], to, other, attached)
    expect(await attachment(other)).toBe(both)
    for (const key of ['one', 'two']) {
      const policy = join(keys, `${key}.json`)
      const requirement = { type: 'sigstoreSigned', keyPath: join(keys, `${key}.pub`) }
      await writeFile(policy, JSON.stringify({ default: [requirement] }))
      await copy('skopeo', [], to, `dir:${newFolder()}`, attached, policy)
    }
    const dir = `dir:${newFolder()}`
    await copy('transload', [], from, dir, attached)
    await expect(copy('transload', [], dir, to, await registriesD({}))).rejects.toThrow(
      'writing sigstore attachments is disabled by configuration',
    )
  })

  test('cosign attached by tag are copied, and verified by it there', async () => {
    const attached = await registriesD({ [registry.host]: { 'use-sigstore-attachments': true } })
    const folder = newFolder()
    await mkdir(folder, { recursive: true })
    const [from, to] = ['from', 'to'].map((name) => `${registry.host}/cosign/${name}`) as [string, string]
    await copy('skopeo', [], testImage('base'), `docker://${from}:v1`, attached)
    const { Digest: digest } = JSON.parse(
      await programs.skopeo(['inspect', '--tls-verify=false', `docker://${from}:v1`]),
    ) as { Digest: string }
    const options = { cwd: folder, env: { ...environment(), COSIGN_PASSWORD: '', HOME: folder } }
    const insecure = ['--allow-insecure-registry', '--allow-http-registry']
    const offline = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false', '--yes']
    await peer('cosign').output(['generate-key-pair'], options)
    await peer('cosign').output(['sign', '--key', 'cosign.key', ...offline, ...insecure, `${from}@${digest}`], options)
    await copy('transload', [], `docker://${from}:v1`, `docker://${to}:v1`, attached)
    const verify = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', '--new-bundle-format=false', ...insecure]
    expect(await peer('cosign').output([...verify, `${to}@${digest}`], options)).toContain(digest)
  })
})

const sign = ['--sign-by', 'signer@test']

function environment(): Record<string, string> & { readonly GNUPGHOME: string } {
  const { PATH = '' } = process.env
  return {
    PATH,
    HOME: user.home,
    XDG_RUNTIME_DIR: join(user.home, 'run'),
    GNUPGHOME: join(user.home, 'gnupg'),
    _CONTAINERS_ROOTLESS_UID: '1000',
  }
}

function keyFile(): string {
  return join(user.home, 'signer.asc')
}

/** Not there yet. */
function newFolder(): string {
  return join(user.home, `folder-${++folders}`)
}

async function copy(
  program: keyof typeof programs,
  flags: readonly string[],
  from: string,
  to: string,
  directory: string,
  policy?: string,
): Promise<void> {
  const trust = policy === undefined ? ['--insecure-policy'] : ['--policy', policy]
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  await programs[program]([...trust, '--registries.d', directory, 'copy', '--quiet', ...insecure, ...flags, from, to])
}

/** Writes a registries.d of these namespaces, and returns its path. */
async function registriesD(docker: Readonly<Record<string, object>>, directory = newFolder()): Promise<string> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'test.yaml'), JSON.stringify({ docker }))
  return directory
}

/** A policy that wants signatures of our key, for whatever name. */
async function signedBy(): Promise<string> {
  const file = newFolder()
  const requirement = {
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyPath: keyFile(),
    signedIdentity: { type: 'matchRepository' },
  }
  await writeFile(file, JSON.stringify({ default: [requirement] }))
  return file
}

/** The manifest of the `.sig` tag. */
async function attachment(image: string): Promise<string> {
  const inspect = ['inspect', '--tls-verify=false']
  const { Digest: digest } = JSON.parse(await programs.skopeo([...inspect, image])) as { Digest: string }
  return await programs.skopeo([...inspect, '--raw', `${image.replace(/:v1$/, '')}:${digest.replace(':', '-')}.sig`])
}
