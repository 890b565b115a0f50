import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { generateKeyPairFiles } from '@transload/signing/sigstore'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startRefusingProxy } from '../refusing-proxy.ts'
import { createUser, fatalMessage, type Outcome, type RunOptions, type User } from '../run-cli.ts'
import { startServing, type Serving } from '../serving.ts'
import { writeToLayout } from '../write-image.ts'

const passphrase = 'correct-horse'
const keyed = ['--sign-by-sigstore-private-key', 'app.key', '--sign-passphrase-file', 'passphrase']

let user: User
let registry: Serving
let sigstore: FakeSigstore
let privateKey: string
let count = 0
beforeAll(async () => {
  user = await createUser()
  registry = await startServing(user, ['served'])
  sigstore = await startFakeSigstore()
  await mkdir(join(user.home, '.config/containers/registries.d'))
  await save('.config/containers/registries.d/all.yaml', 'default-docker:\n  use-sigstore-attachments: true\n')
  const keys = await generateKeyPairFiles(passphrase)
  privateKey = keys.privateKey
  await save('app.key', keys.privateKey)
  await save('app.pub', keys.publicKey)
  await save('unlocked.key', (await generateKeyPairFiles('')).privateKey)
  await save('passphrase', `${passphrase}\nsecond line\n`)
  await save('wrong', 'wrong\n')
  await save('empty', '')
  await save('root.pem', sigstore.authority.chain.at(-1)!)
  await save('rekor.pub', sigstore.log.publicKey.export({ format: 'pem', type: 'spki' }) as string)
  await save('by-key.json', policy({ keyPath: 'app.pub' }))
  await save('by-key-logged.json', policy({ keyPath: 'app.pub', rekorPublicKeyPath: 'rekor.pub' }))
  const fulcio = { caPath: path('root.pem'), oidcIssuer: sigstore.oidcUrl, subjectEmail: 'jo@example.com' }
  await save('by-fulcio.json', policy({ fulcio, rekorPublicKeyPath: 'rekor.pub' }))
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await sigstore[Symbol.asyncDispose]()
  await user[Symbol.asyncDispose]()
})

async function save(name: string, content: string): Promise<void> {
  await writeFile(join(user.home, name), content)
}

function path(name: string): string {
  return join(user.home, name)
}

function policy(requirement: Readonly<Record<string, unknown>>): string {
  const paths = Object.entries(requirement).map(([key, value]) => [
    key,
    typeof value === 'string' ? path(value) : value,
  ])
  const signed = { type: 'sigstoreSigned', signedIdentity: { type: 'matchExact' }, ...Object.fromEntries(paths) }
  return JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { '': [signed] } } })
}

function newImage(): string {
  return `docker://${registry.host}/team/app:v${++count}`
}

function push(flags: readonly string[], image: string, options?: RunOptions): Promise<Outcome> {
  return user.run(['copy', '--dest-tls-verify=false', ...flags, 'oci:images:v1', image], options)
}

function pull(image: string, policyFile: string): Promise<Outcome> {
  return user.run(['--policy', policyFile, 'copy', '-q', '--src-tls-verify=false', image, `dir:pulled${++count}`])
}

/** The parameters of a signature that Fulcio certifies and Rekor logs. */
function keyless(oidc: string): string {
  return `fulcio:\n  fulcioURL: ${sigstore.fulcioUrl}\n${oidc}rekorURL: ${sigstore.rekorUrl}\n`
}

function issuer(mode: string): string {
  return `  oidcMode: ${mode}\n  oidcIssuerURL: ${sigstore.oidcUrl}\n  oidcClientID: sigstore\n`
}

it('UNI-28: a passphrase file, and one that is empty', async () => {
  const image = newImage()
  expect((await push(keyed, image)).stdout).toContain('Creating signature: Signing image using a sigstore signature\n')
  expect(await pull(image, 'by-key.json')).toMatchObject({ code: 0, stderr: '' })
  const flags = ['--sign-by-sigstore-private-key', 'unlocked.key', '--sign-passphrase-file', 'empty']
  expect(await push(flags, newImage())).toMatchObject({ code: 0, stderr: '' })
})

describe('UNI-29: flags that do not fit are found before anything is copied', () => {
  const one =
    'Only one of --sign-by, --sign-by-sq-fingerprint and --sign-by-sigstore-private-key can be used with --sign-passphrase-file'
  const initializing = 'initializing private key: '

  it.each([
    [[...keyed, '--sign-by', 'KEY'], one],
    [[...keyed, '--sign-by-sq-fingerprint', 'KEY'], one],
    [['--sign-by', 'A', '--sign-by-sq-fingerprint', 'B', '--sign-passphrase-file', 'passphrase'], one],
    [['--sign-passphrase-file', 'none'], 'open none: no such file or directory'],
    [
      ['--sign-by-sigstore-private-key', 'app.key', '--sign-passphrase-file', 'none'],
      'open none: no such file or directory',
    ],
    [
      ['--sign-by-sigstore-private-key', 'none', '--sign-passphrase-file', 'empty'],
      'reading private key from none: open none: no such file or directory',
    ],
    [
      ['--sign-by-sigstore', 'none'],
      'Error using --sign-by-sigstore: setting up signing using parameter file "none": reading "none": open none: no such file or directory',
    ],
    [
      ['--sign-by-sigstore-private-key', 'app.key', '--sign-passphrase-file', 'wrong'],
      `${initializing}decrypt: encrypted: decryption failed`,
    ],
    [
      ['--sign-by-sigstore-private-key', 'passphrase', '--sign-passphrase-file', 'wrong'],
      `${initializing}invalid pem block`,
    ],
    [
      ['--sign-by-sigstore-private-key', 'app.pub', '--sign-passphrase-file', 'wrong'],
      `${initializing}unsupported pem type: PUBLIC KEY`,
    ],
    [
      ['--sign-by-sigstore-private-key', 'app.key'],
      'Cannot prompt for a passphrase for key app.key, standard input is not a TTY',
    ],
    [
      ['--sign-sigstore-as', 'x'],
      `unknown form of sigstore signatures "x". Choose one of the supported forms: 'attachment' or 'bundle'`,
    ],
    [['--format', 'x'], `unknown format "x". Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'`],
  ])('%j', async (flags, message) => {
    const image = newImage()
    const outcome = await push(flags, image)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(outcome)).toBe(message)
    expect((await user.run(['inspect', '--raw', '--tls-verify=false', image])).code).toBe(2)
  })
})

it('a key, in a parameter file, and a log', async () => {
  const parameters = `privateKeyFile: app.key\nprivateKeyPassphraseFile: passphrase\nrekorURL: ${sigstore.rekorUrl}\n`
  await save('logged.yaml', parameters)
  const image = newImage()
  expect(await push(['--sign-by-sigstore', 'logged.yaml'], image)).toMatchObject({ code: 0, stderr: '' })
  expect(await pull(image, 'by-key-logged.json')).toMatchObject({ code: 0, stderr: '' })
})

it('several signers sign in turn', async () => {
  await save('key.yaml', 'privateKeyFile: app.key\nprivateKeyPassphraseFile: passphrase\n')
  const { code, stdout } = await push(['--sign-by-sigstore', 'key.yaml', ...keyed], newImage())
  expect(code).toBe(0)
  expect(stdout).toContain('Creating signature 1: Signing image using a sigstore signature\n')
  expect(stdout).toContain('Creating signature 2: Signing image using a sigstore signature\n')
})

it('a bundle refers to the image', async () => {
  const image = newImage()
  expect(await push([...keyed, '--sign-sigstore-as=bundle'], image)).toMatchObject({ code: 0, stderr: '' })
  expect(await user.succeed(['referrers', '--tls-verify=false', image])).toContain(
    'application/vnd.dev.sigstore.bundle',
  )
})

describe('without a key of one’s own', () => {
  it('with an ID token', async () => {
    await save('token.yaml', keyless(`  oidcMode: staticToken\n  oidcIDToken: ${sigstore.createToken()}\n`))
    const image = newImage()
    expect(await push(['--sign-by-sigstore', 'token.yaml'], image)).toMatchObject({ code: 0, stderr: '' })
    expect(await pull(image, 'by-fulcio.json')).toMatchObject({ code: 0, stderr: '' })
    expect(fatalMessage(await pull(image, 'by-key.json'))).toContain('Source image rejected: ')
  })

  it('with another device', async () => {
    await save('device.yaml', keyless(issuer('deviceGrant')))
    const image = newImage()
    const child = user.start([
      'copy',
      '--dest-tls-verify=false',
      '--sign-by-sigstore',
      'device.yaml',
      'oci:images:v1',
      image,
    ])
    const problems = text(child.stderr!)
    for await (const line of createInterface({ input: child.stdout! })) {
      const page = /^Enter the verification code \w+ in your browser at: (?<page>.*)$/.exec(line)?.groups?.['page']
      if (page !== undefined) await fetch(page)
    }
    expect(await problems).toBe('')
    expect(await pull(image, 'by-fulcio.json')).toMatchObject({ code: 0, stderr: '' })
  })

  it('with a browser', async () => {
    await save('browser.yaml', keyless(issuer('interactive')))
    await mkdir(path('bin'))
    await save('bin/xdg-open', `#!${process.execPath}\nfetch(process.argv[2])\n`)
    await chmod(path('bin/xdg-open'), 0o755)
    const image = newImage()
    const outcome = await push(['--sign-by-sigstore', 'browser.yaml'], image, { env: { PATH: path('bin') } })
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout).toMatch(/^Your browser will now be opened to:\nhttp/)
    expect(await pull(image, 'by-fulcio.json')).toMatchObject({ code: 0, stderr: '' })
  })

  it('with a browser elsewhere, whose code is typed in', async () => {
    await save('typed.yaml', keyless(issuer('interactive')))
    const image = newImage()
    const words = ['copy', '--dest-tls-verify=false', '--sign-by-sigstore', 'typed.yaml', 'oci:images:v1', image]
    const child = user.startTyping(words, { env: { PATH: path('nowhere') } })
    const ended = once(child, 'close')
    let shown = ''
    for await (const chunk of child.stdout!.setEncoding('utf8') as AsyncIterable<string>) {
      shown += chunk
      const page = /\t (?<page>http\S+)\nEnter verification code: $/.exec(shown)?.groups?.['page']
      if (page !== undefined) child.stdin!.end(`${await (await fetch(page)).text()}\n`)
    }
    expect(await ended).toEqual([0, null])
    expect(shown).toContain(
      '\nerror opening browser: xdg-open: executable file not found in $PATH\nGo to the following',
    )
    expect(await pull(image, 'by-fulcio.json')).toMatchObject({ code: 0, stderr: '' })
  })
})

it('--dry-run asks nobody for a certificate', async () => {
  const unreachable = '  fulcioURL: http://127.0.0.1:1\n'
  await save('dry.yaml', `fulcio:\n${unreachable}  oidcMode: staticToken\n  oidcIDToken: ${sigstore.createToken()}\n`)
  expect(await push(['--sign-by-sigstore', 'dry.yaml', '--dry-run'], newImage())).toMatchObject({ code: 0, stderr: '' })
})

it('Fulcio is asked through the proxy', async () => {
  await using proxy = await startRefusingProxy()
  const fulcio = `  fulcioURL: https://fulcio.example\n  oidcMode: staticToken\n  oidcIDToken: ${sigstore.createToken()}\n`
  await save('proxy.yaml', `fulcio:\n${fulcio}`)
  const outcome = await push(['--sign-by-sigstore', 'proxy.yaml'], newImage(), { env: { HTTPS_PROXY: proxy.url } })
  expect(fatalMessage(outcome)).toMatch(
    /^Error using --sign-by-sigstore: obtaining certificate from Fulcio: Post "https:/,
  )
  expect(proxy.asked).toEqual(['fulcio.example:443'])
})

it('Fulcio shows a certificate that the user trusts', async () => {
  const tls = join(import.meta.dirname, '../fixtures/tls')
  const [cert, key] = await Promise.all(['ca/localhost.crt', 'localhost.key'].map((name) => readFile(join(tls, name))))
  const server = createServer({ cert, key }, (incoming, response) => void forward(incoming, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const fulcio = `  fulcioURL: https://localhost:${(server.address() as AddressInfo).port}\n`
    await save('tls.yaml', `fulcio:\n${fulcio}  oidcMode: staticToken\n  oidcIDToken: ${sigstore.createToken()}\n`)
    const flags = ['--sign-by-sigstore', 'tls.yaml']
    const refused = await push(flags, newImage())
    expect(fatalMessage(refused)).toContain('certificate signed by unknown authority')
    expect(refused.stderr).toContain('SSL_CERT_FILE')
    const env = { SSL_CERT_FILE: join(tls, 'ca/localhost.crt') }
    expect(await push(flags, newImage(), { env })).toMatchObject({ code: 0, stderr: '' })
  } finally {
    server.close()
  }
})

describe('secrets are told nobody', () => {
  it.each([
    [
      'a token that Fulcio does not take',
      (token: string) => keyless(`  oidcMode: staticToken\n  oidcIDToken: ${token}\n`),
    ],
    ['a malformed file', (token: string) => `fulcio: {oidcIDToken: ${token}`],
    ['an unknown member', (token: string) => `fulcio:\n  oidcIDtoken: ${token}\n`],
  ])('%s', async (_, parameters) => {
    const token = sigstore.createToken().replace(/.{20}$/, 'x'.repeat(20))
    await save('secret.yaml', parameters(token))
    const outcome = await user.run([
      '--debug',
      '--json',
      'copy',
      '--dest-tls-verify=false',
      '--sign-by-sigstore',
      'secret.yaml',
      'oci:images:v1',
      newImage(),
    ])
    expect(outcome.code).toBe(1)
    expect(outcome.output).toContain('Error using --sign-by-sigstore: ')
    for (const part of token.split('.')) expect(outcome.output).not.toContain(part)
  })

  it('when all goes well', async () => {
    const token = sigstore.createToken()
    await save('quiet.yaml', keyless(`  oidcMode: staticToken\n  oidcIDToken: ${token}\n`))
    const words = ['copy', '--dest-tls-verify=false', '--sign-by-sigstore', 'quiet.yaml', ...keyed, 'oci:images:v1']
    const outcome = await user.run(['--debug', ...words, newImage()])
    expect(outcome.code).toBe(0)
    expect(outcome.stderr).toContain(`Requesting a certificate from Fulcio at ${sigstore.fulcioUrl}`)
    const secrets = [passphrase, token.split('.')[2]!, ...privateKey.split('\n').slice(1, -2)]
    for (const secret of secrets) expect(outcome.output).not.toContain(secret)
  })
})

/** Lets Fulcio answer. */
async function forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { authorization = '' } = incoming.headers
  const request = { method: 'POST', headers: { authorization }, body: await text(incoming) }
  const answer = await fetch(`${sigstore.fulcioUrl}${incoming.url}`, request)
  response.writeHead(answer.status).end(await answer.text())
}
