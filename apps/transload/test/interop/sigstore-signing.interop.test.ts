import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import {
  peer,
  processOutput,
  requirePeers,
  startDockerRegistry,
  testImage,
  type DockerRegistry,
} from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, fatalMessage, program, type Outcome, type User } from '../run-cli.ts'
import { succeeding } from './site.ts'

const missing = requirePeers('skopeo', 'podman', 'registry', 'cosign', 'openssl')

const passphrase = 'correct horse'
/** Where podman looks, which has no flag for it. */
const storage = '.config/containers/registries.d'

let user: User
let registry: DockerRegistry
let sigstore: FakeSigstore
let count = 0
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registry = await startDockerRegistry({ delete: true })
  sigstore = await startFakeSigstore()
  await mkdir(path(storage))
  await save(`${storage}/all.yaml`, 'default-docker:\n  use-sigstore-attachments: true\n')
  await save('passphrase', `${passphrase}\n`)
  await save('root.pem', sigstore.authority.chain.at(-1)!)
  await save('rekor.pub', sigstore.log.publicKey.export({ format: 'pem', type: 'spki' }) as string)
  await save('trusted-root.json', JSON.stringify(sigstore.trustedRoot()))
  await succeeding(
    transload('generate-sigstore-key', '--output-prefix', 'transload', '--passphrase-file', 'passphrase'),
  )
  await succeeding(
    skopeo('generate-sigstore-key', '--output-prefix', path('skopeo'), '--passphrase-file', path('passphrase')),
  )
  await cosign('generate-key-pair', '--output-key-prefix', path('cosign'))
  await importKey('rsa', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'])
  await importKey('p384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'])
}, 120_000)
afterAll(async () => {
  await sigstore?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  await user?.[Symbol.asyncDispose]()
})

/** Key pairs, by who made them. */
const keys = {
  transload: { privateKey: 'transload.private', publicKey: 'transload.pub' },
  skopeo: { privateKey: 'skopeo.private', publicKey: 'skopeo.pub' },
  cosign: { privateKey: 'cosign.key', publicKey: 'cosign.pub' },
  rsa: { privateKey: 'rsa.key', publicKey: 'rsa.pub' },
  p384: { privateKey: 'p384.key', publicKey: 'p384.pub' },
} as const
type KeyName = keyof typeof keys

function path(name: string): string {
  return join(user.home, name)
}

async function save(name: string, content: string): Promise<void> {
  await writeFile(path(name), content)
}

async function importKey(name: string, options: readonly string[]): Promise<void> {
  await peer('openssl').output(['genpkey', ...options, '-out', path(`${name}.pem`)])
  await cosign('import-key-pair', '--key', path(`${name}.pem`), '--output-key-prefix', path(name))
}

function transload(...words: readonly string[]): Promise<Outcome> {
  return user.run(words)
}

async function skopeo(...words: readonly string[]): Promise<Outcome> {
  const {
    code = null,
    stdout,
    stderr,
  } = await peer('skopeo').run(['--registries.d', path(storage), ...words], {
    cwd: user.home,
  })
  return { code, stdout, stderr, output: stdout + stderr }
}

async function cosign(...words: readonly string[]): Promise<string> {
  const env = { ...process.env, COSIGN_PASSWORD: passphrase, HOME: user.home }
  return await peer('cosign').output(words, { cwd: user.home, env })
}

function newImage(): string {
  return `${registry.host}/team/app${++count}:v1`
}

type Mover = typeof transload

async function push(mover: Mover, flags: readonly string[], image = newImage()): Promise<string> {
  const words = ['--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', ...flags]
  await succeeding(mover(...words, testImage('small'), `docker://${image}`))
  return image
}

async function writePolicy(requirement: Readonly<Record<string, unknown>>): Promise<string> {
  const file = path(`policy${++count}.json`)
  const signed = { type: 'sigstoreSigned', signedIdentity: { type: 'matchExact' }, ...requirement }
  await writeFile(file, JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { '': [signed] } } }))
  return file
}

function pull(mover: Mover, image: string, policy: string): Promise<Outcome> {
  const to = `dir:${path(`pulled${++count}`)}`
  return mover('--policy', policy, 'copy', '-q', '--src-tls-verify=false', `docker://${image}`, to)
}

function byKey(name: KeyName): readonly string[] {
  return ['--sign-by-sigstore-private-key', path(keys[name].privateKey), '--sign-passphrase-file', path('passphrase')]
}

const insecure = ['--allow-insecure-registry', '--allow-http-registry'] as const
const attached = '--new-bundle-format=false'

function cosignVerify(name: KeyName, image: string, ...flags: readonly string[]): Promise<string> {
  return cosign('verify', '--key', path(keys[name].publicKey), '--insecure-ignore-tlog', ...insecure, ...flags, image)
}

function fulcioPolicy(): Promise<string> {
  const fulcio = { caPath: path('root.pem'), oidcIssuer: sigstore.oidcUrl, subjectEmail: 'jo@example.com' }
  return writePolicy({ fulcio, rekorPublicKeyPath: path('rekor.pub') })
}

async function writeKeylessParameters(): Promise<string> {
  const file = path(`keyless${++count}.yaml`)
  const fulcio = `  fulcioURL: ${sigstore.fulcioUrl}\n  oidcMode: staticToken\n  oidcIDToken: ${sigstore.createToken()}\n`
  await writeFile(file, `fulcio:\n${fulcio}rekorURL: ${sigstore.rekorUrl}\n`)
  return file
}

function cosignVerifyIdentity(image: string, ...flags: readonly string[]): Promise<string> {
  const whom = ['--certificate-identity', 'jo@example.com', '--certificate-oidc-issuer', sigstore.oidcUrl]
  const trusting = ['--trusted-root', path('trusted-root.json')]
  return cosign('verify', ...whom, ...trusting, ...insecure, ...flags, image)
}

describe.skipIf(missing)('signatures by a key', () => {
  test.each(['transload', 'skopeo', 'cosign', 'rsa', 'p384'] as const)(
    'what transload signs with a %s key, skopeo takes, and cosign',
    async (name) => {
      const image = await push(transload, byKey(name))
      const policy = await writePolicy({ keyPath: path(keys[name].publicKey) })
      expect(await pull(skopeo, image, policy)).toMatchObject({ code: 0 })
      expect(await pull(transload, image, policy)).toMatchObject({ code: 0, stderr: '' })
      expect(await cosignVerify(name, image, attached)).toContain(`"docker-reference":"${image}"`)
    },
  )

  test('podman takes it too', async () => {
    const image = await push(transload, byKey('transload'))
    const policy = await writePolicy({ keyPath: path(keys.transload.publicKey) })
    const store = ['--root', path('store'), '--runroot', path('run/store'), '--storage-driver', 'vfs']
    const words = ['pull', '--quiet', '--tls-verify=false', '--signature-policy', policy, image]
    const env = { ...process.env, HOME: user.home }
    expect(await peer('podman').output([...store, ...words], { env })).toMatch(/^[0-9a-f]{64}\n$/)
  })

  test('what skopeo signs with a key of ours, transload takes, and the other way round', async () => {
    const policy = await writePolicy({ keyPath: path(keys.transload.publicKey) })
    const image = await push(skopeo, byKey('transload'))
    expect(await pull(transload, image, policy)).toMatchObject({ code: 0, stderr: '' })
    const other = await push(transload, byKey('cosign'))
    for (const mover of [skopeo, transload]) {
      expect(fatalMessage(await pull(mover, other, policy))).toContain('cryptographic signature verification failed')
    }
  })

  test.each([
    ['attachment', '--new-bundle-format=false'],
    ['bundle', '--new-bundle-format=true'],
  ])('what cosign signs with a key of ours as %s, transload takes', async (_, form) => {
    const image = await push(skopeo, [])
    const digest = (
      await succeeding(skopeo('inspect', '--tls-verify=false', '--format={{.Digest}}', `docker://${image}`))
    ).stdout
    const named = [
      '-a',
      `docker-reference=${image}`,
      ...(form.endsWith('false') ? ['--sign-container-identity', image] : []),
    ]
    const offline = ['--use-signing-config=false', '--tlog-upload=false', '--yes', form]
    const subject = `${image.replace(/:v1$/, '')}@${digest.trim()}`
    await cosign('sign', '--key', path(keys.transload.privateKey), ...named, ...offline, ...insecure, subject)
    const policy = await writePolicy({ keyPath: path(keys.transload.publicKey) })
    expect(await pull(transload, image, policy)).toMatchObject({ code: 0, stderr: '' })
  })

  test('a bundle, which cosign verifies', async () => {
    const image = await push(transload, [...byKey('skopeo'), '--sign-sigstore-as=bundle'])
    expect(await cosignVerify('skopeo', image)).toContain(`"docker-reference":"${image}"`)
    await expect(cosignVerify('cosign', image)).rejects.toThrow('error')
    const policy = await writePolicy({ keyPath: path(keys.skopeo.publicKey) })
    expect(await pull(transload, image, policy)).toMatchObject({ code: 0, stderr: '' })
  })

  test('one that the log has seen', async () => {
    const key = `privateKeyFile: ${path(keys.cosign.privateKey)}\nprivateKeyPassphraseFile: ${path('passphrase')}\n`
    await save('logged.yaml', `${key}rekorURL: ${sigstore.rekorUrl}\n`)
    const policy = await writePolicy({ keyPath: path(keys.cosign.publicKey), rekorPublicKeyPath: path('rekor.pub') })
    for (const signs of [transload, skopeo]) {
      const image = await push(signs, ['--sign-by-sigstore', path('logged.yaml')])
      for (const takes of [transload, skopeo]) expect(await pull(takes, image, policy)).toMatchObject({ code: 0 })
    }
    const bundled = await push(transload, ['--sign-by-sigstore', path('logged.yaml'), '--sign-sigstore-as=bundle'])
    const trusting = ['--key', path(keys.cosign.publicKey), '--trusted-root', path('trusted-root.json')]
    expect(await cosign('verify', ...trusting, ...insecure, bundled)).toContain(bundled)
  })
})

describe.skipIf(missing)('signatures with a certificate', () => {
  test('what one program signs, the other takes', async () => {
    for (const [signs, takes] of [
      [transload, skopeo],
      [skopeo, transload],
      [transload, transload],
    ] as const) {
      const image = await push(signs, ['--sign-by-sigstore', await writeKeylessParameters()])
      expect(await pull(takes, image, await fulcioPolicy())).toMatchObject({ code: 0 })
    }
  })

  test('cosign takes the attachment', async () => {
    const image = await push(transload, ['--sign-by-sigstore', await writeKeylessParameters()])
    expect(await cosignVerifyIdentity(image, attached)).toContain(image)
  })

  test('cosign takes the bundle', async () => {
    const parameters = await writeKeylessParameters()
    const image = await push(transload, ['--sign-by-sigstore', parameters, '--sign-sigstore-as=bundle'])
    expect(await cosignVerifyIdentity(image)).toContain(image)
  })
})

describe.skipIf(missing)('at a terminal', () => {
  test('the passphrase of a new key is asked for once', async () => {
    const [ours, theirs] = await atTerminals((folder) => [
      'generate-sigstore-key',
      '--output-prefix',
      join(folder, 'typed'),
    ])
    expect(ours).toEqual(theirs)
    expect(ours).toContain('Passphrase for key FOLDER/typed.private: ')
    for (const folder of ['ours', 'theirs']) {
      await cosign('public-key', '--key', path(`${folder}/typed.private`))
    }
  })

  test('and so is that of a key that signs', async () => {
    const signing = ['--sign-identity', 'example.com/a/b:1', '--sign-by-sigstore-private-key', path('cosign.key')]
    const copy = ['--insecure-policy', 'copy', '-q', ...signing, testImage('small')]
    const [ours, theirs] = await atTerminals((folder) => [...copy, `dir:${join(folder, 'signed')}`])
    expect(ours).toEqual(theirs)
    expect(ours).toContain('Passphrase for key ')
  })
})

describe.skipIf(missing)('what is refused, is refused in the same words', () => {
  const badKeys = ['cosign.pub', 'passphrase', 'none']

  test.each(badKeys)('a private key in %s', async (name) => {
    const flags = ['--sign-by-sigstore-private-key', name, '--sign-passphrase-file', 'passphrase']
    const { ours, theirs } = await refusals(flags)
    expect(ours).toBe(theirs)
  })

  test('another passphrase', async () => {
    const { ours, theirs } = await refusals([
      '--sign-by-sigstore-private-key',
      'cosign.key',
      '--sign-passphrase-file',
      'cosign.pub',
    ])
    expect(ours).toBe(theirs)
  })

  test('nobody to ask for a passphrase', async () => {
    const { ours, theirs } = await refusals(['--sign-by-sigstore-private-key', 'cosign.key'])
    expect(ours).toBe(theirs)
  })

  test.each([
    '',
    '{}',
    'foo: 1\n',
    'privateKeyFile: [a]\n',
    '[1]\n',
    'rekorURL: http://rekor.example\n',
    'privateKeyFile: cosign.key\n',
    'privateKeyFile: none\nprivateKeyPassphraseFile: passphrase\n',
    'fulcio: {}\n',
    'fulcio:\n  fulcioURL: http://f.example\n',
    'fulcio:\n  fulcioURL: http://f.example\n  oidcMode: staticToken\n',
    'fulcio:\n  fulcioURL: http://f.example\n  oidcIssuerURL: http://i.example\n',
    'fulcio:\n  fulcioURL: http://f.example\n  oidcIssuerURL: http://i.example\n  oidcMode: other\n',
  ])('the parameters %j', async (parameters) => {
    await save('refused.yaml', parameters)
    const { ours, theirs } = await refusals(['--sign-by-sigstore', 'refused.yaml'])
    expect(ours).toBe(theirs)
  })
})

/** What both say to a copy with these flags. */
async function refusals(flags: readonly string[]): Promise<{ readonly ours: string; readonly theirs: string }> {
  const words = ['--insecure-policy', 'copy', ...flags, testImage('small'), `dir:${path(`refused${++count}`)}`]
  const [ours, theirs] = await Promise.all([transload(...words), skopeo(...words)])
  return { ours: fatalMessage(ours), theirs: fatalMessage(theirs) }
}

/** What both show when the passphrase is typed at once; each works in a folder of its own. */
async function atTerminals(words: (folder: string) => readonly string[]): Promise<readonly string[]> {
  const commands = { ours: [process.execPath, program], theirs: [peer('skopeo').command] }
  const shown = Object.entries(commands).map(async ([name, command]) => {
    await mkdir(path(name), { recursive: true })
    const line = [...command, ...words(path(name))].map((word) => `'${word}'`).join(' ')
    const options = { input: `${passphrase}\n`, env: { ...process.env, HOME: user.home } }
    const { stdout, stderr } = await processOutput('script', ['-qec', line, '/dev/null'], options)
    return `${stdout}${stderr}`.replaceAll(path(name), 'FOLDER')
  })
  return await Promise.all(shown)
}
