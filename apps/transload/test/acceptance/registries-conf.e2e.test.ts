import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { startScriptedRegistry } from '../scripted-registry.ts'
import { writeToLayout } from '../write-image.ts'

const image = fixtureImage()

let user: User
let mirror: RegistryServer
let locked: RegistryServer
beforeAll(async () => {
  user = await createUser()
  mirror = await startRegistryServer({ directory: join(user.home, 'mirror') })
  locked = await startRegistryServer({
    directory: join(user.home, 'locked'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4), scheme: 'token' },
  })
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  for (const name of ['busybox', 'copies/busybox']) {
    const to = `docker://${mirror.host}/${name}`
    await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', to])
  }
  const creds = '--dest-creds=testuser:testpassword'
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', creds, 'oci:images:v1', `docker://${locked.host}/app:1`])
})
afterAll(async () => {
  await mirror.close()
  await locked.close()
  await user[Symbol.asyncDispose]()
})

/** Runs with `text` as the registries.conf. */
async function run(text: string, words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  await writeFile(join(user.home, 'registries.conf'), text)
  return await user.run(['--registries-conf=registries.conf', ...words], { env })
}

/** A `[[registry]]` with mirrors that speak plain http. */
function registry(prefix: string, mirrors: readonly string[], more = ''): string {
  const tables = mirrors.map((location) => `[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`)
  return `[[registry]]\nlocation = "${prefix}"\n${more}\n${tables.join('')}`
}

const noSuchHost = /no such host|getaddrinfo|EAI_AGAIN|Temporary failure/

describe('a blocked registry', () => {
  const blocked = registry('registry-blocked.com', [], 'blocked = true')
  const name = 'docker://registry-blocked.com/image:test'

  it.each([
    ['GEN-08', ['copy', name, 'docker://registry-unblocked.com/image:test'], 'initializing source'],
    ['GEN-09', ['copy', 'oci:images:v1', name], 'initializing destination'],
    ['GEN-10', ['inspect', name], 'Error parsing image name'],
    ['GEN-11', ['delete', name], ''],
    ['list-tags', ['list-tags', 'docker://registry-blocked.com/image'], 'Error listing repository tags'],
    [
      'login',
      ['login', '-u', 'a', '-p', 'b', 'registry-blocked.com'],
      'authenticating creds for "registry-blocked.com"',
    ],
  ])('%s', async (_row, words, start) => {
    const outcome = await run(blocked, words)
    expect(outcome.code).toBe(1)
    const directory = join(user.home, '.config/containers/registries.conf.d')
    const message = `registry registry-blocked.com is blocked in registries.conf or ${directory}`
    expect(fatalMessage(outcome).endsWith(message)).toBe(true)
    expect(fatalMessage(outcome).startsWith(start)).toBe(true)
  })

  it('is not spoken to, but its mirrors are', async () => {
    const conf = registry('blocked.invalid', [mirror.host], 'blocked = true')
    expect(await run(conf, ['copy', '-q', 'docker://blocked.invalid/busybox', 'dir:unblocked'])).toMatchObject({
      code: 0,
    })
  })
})

describe('mirrors', () => {
  const two = ['one.invalid', 'two.invalid']

  it('GEN-12: are tried in order until one has the image', async () => {
    const conf = registry('mirror.invalid', [...two, mirror.host])
    expect(await run(conf, ['copy', 'docker://mirror.invalid/busybox', 'dir:gen12'])).toMatchObject({ code: 0 })
    expect(await readFile(join(user.home, 'gen12/manifest.json'))).toEqual(Buffer.from(image.root.bytes))
  })

  it('GEN-13: all fail, and the place itself', async () => {
    const outcome = await run(registry('gcr.invalid', two), ['copy', 'docker://gcr.invalid/busybox', 'dir:gen13'])
    expect(outcome.code).toBe(1)
    const message = fatalMessage(outcome)
    expect(message).toMatch(noSuchHost)
    expect(message).toMatch(
      /\(Mirrors also failed: \[one\.invalid\/busybox:latest: .*\]\n\[two\.invalid\/busybox:latest: .*\]\): gcr\.invalid\/busybox:latest: pinging container registry gcr\.invalid/,
    )
  })

  it('GEN-14, GEN-15: of a prefix are for that only', async () => {
    const conf = registry('gcr.invalid/foo/bar', [mirror.host])
    expect(await run(conf, ['copy', 'docker://gcr.invalid/foo/bar/busybox', 'dir:gen14'])).toMatchObject({ code: 0 })
    const outcome = await run(conf, ['copy', 'docker://gcr.invalid/wrong/prefix/busybox', 'dir:gen15'])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toMatch(noSuchHost)
  })

  it('the image keeps the name the user gave', async () => {
    const conf = registry('named.invalid', [`${mirror.host}/copies`])
    const { stdout, code } = await run(conf, ['inspect', '--no-tags', 'docker://named.invalid/busybox'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ Name: 'named.invalid/busybox', Digest: image.root.digest })
  })

  it('for digests only', async () => {
    const conf = registry('digest.invalid', [mirror.host], 'mirror-by-digest-only = true')
    const at = (end: string): Promise<Outcome> =>
      run(conf, ['inspect', '--raw', `docker://digest.invalid/busybox${end}`])
    expect((await at(`@${image.root.digest}`)).code).toBe(0)
    expect((await at(':latest')).code).toBe(1)
  })

  it('TLS that a flag asks for beats their setting', async () => {
    const words = ['inspect', '--raw', '--tls-verify', 'docker://tls.invalid/busybox']
    const outcome = await run(registry('tls.invalid', [mirror.host]), words)
    expect(fatalMessage(outcome)).toContain(`[${mirror.host}/busybox:latest: pinging container registry`)
    expect(fatalMessage(outcome)).toContain('server gave HTTP response to HTTPS client')
  })
})

it('credentials of a mirror are its own, not those the user gave for the name', async () => {
  const words = ['inspect', '--raw', 'docker://named.invalid/app:1']
  const conf = registry('named.invalid', [locked.host])
  const flags = ['--creds=testuser:testpassword']
  expect(fatalMessage(await run(conf, [...words, ...flags]))).toContain(`[${locked.host}/app:1: `)
  const auths = { [`${locked.host}/app`]: { auth: Buffer.from('testuser:testpassword').toString('base64') } }
  await writeFile(join(user.home, 'mirror-auth'), JSON.stringify({ auths }))
  expect(await run(conf, [...words, '--authfile=mirror-auth', '--creds=x:y'])).toMatchObject({ code: 0 })
  expect(await run(conf, [...words, '--authfile=mirror-auth', '--no-creds'])).toMatchObject({ code: 0 })
})

it('a location takes the place of the prefix for reading only', async () => {
  const conf = `[[registry]]\nprefix = "prefix.invalid/a"\nlocation = "${mirror.host}/copies"\ninsecure = true`
  expect(await run(conf, ['inspect', '--raw', 'docker://prefix.invalid/a/busybox'])).toMatchObject({ code: 0 })
  const tags = await run(conf, ['list-tags', 'docker://prefix.invalid/a/busybox'])
  expect(fatalMessage(tags)).toMatch(noSuchHost)
})

it('an insecure registry is spoken to in the clear', async () => {
  const name = `${mirror.host}/busybox`
  expect(await run('', ['list-tags', `docker://${name}`])).toMatchObject({ code: 1 })
  const conf = registry(mirror.host, [], 'insecure = true')
  expect(await run(conf, ['list-tags', `docker://${name}`])).toMatchObject({ code: 0 })
  expect(await run(conf, ['copy', '-q', `docker://${name}`, `docker://${mirror.host}/pushed:1`])).toMatchObject({
    code: 0,
  })
  const insecure = registry(locked.host, [], 'insecure = true')
  expect(await run(insecure, ['login', '-u', 'testuser', '-p', 'testpassword', locked.host])).toMatchObject({ code: 0 })
})

it.each([
  ['inspect', ['inspect', 'docker://a.invalid/b'], 'loading registries configuration: '],
  ['list-tags', ['list-tags', 'docker://a.invalid/b'], 'getting username and password: '],
  ['login', ['login', '--get-login', 'a.invalid'], 'get credentials: '],
  ['logout', ['logout', 'a.invalid'], 'logging out of "a.invalid": '],
])('a broken registries.conf stops %s and is named', async (_, words, start) => {
  const outcome = await run('[[registry]]', words)
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain(
    `${start}loading registries configuration "registries.conf": invalid condition: both location and prefix are unset`,
  )
})

it('a registries.conf that is named but not there stops what needs a registry only', async () => {
  const words = ['--registries-conf=none.conf']
  expect(fatalMessage(await user.run([...words, 'inspect', 'docker://a.invalid/b']))).toContain(
    'loading registries configuration "none.conf": open none.conf: no such file or directory',
  )
  expect((await user.run([...words, 'inspect', 'oci:images:v1'])).code).toBe(0)
})

it("the user's files are read, and CONTAINERS_REGISTRIES_CONF is not", async () => {
  const directory = join(user.home, '.config/containers/registries.conf.d')
  await mkdir(directory)
  await writeFile(join(directory, '1.conf'), registry('drop-in.invalid', [mirror.host]))
  const env = { CONTAINERS_REGISTRIES_CONF: join(user.home, 'none.conf') }
  try {
    expect(await user.run(['inspect', '--raw', 'docker://drop-in.invalid/busybox'], { env })).toMatchObject({ code: 0 })
  } finally {
    await rm(directory, { recursive: true })
  }
})

it('--registries.d is read for registries only, and a mistake in it is one', async () => {
  const directory = join(user.home, 'registries.d')
  await mkdir(directory)
  const text = 'docker:\n  a.invalid:\n    lookaside: https://sigs.invalid\n'
  await writeFile(join(directory, 'a.yaml'), text)
  const flag = '--registries.d=registries.d'
  const words = ['inspect', '--raw', '--tls-verify=false', `docker://${mirror.host}/busybox`]
  expect(await user.run([flag, ...words])).toMatchObject({ code: 0 })
  await writeFile(join(directory, 'b.yaml'), text)
  expect(fatalMessage(await user.run([flag, ...words]))).toContain(
    'Error parsing signature storage configuration: "docker" namespace "a.invalid" defined both in "registries.d/a.yaml" and "registries.d/b.yaml"',
  )
  expect((await user.run([flag, 'inspect', 'oci:images:v1'])).code).toBe(0)
})

it('UNI-34: the global flags reach the registry and the choice of the image', async () => {
  await writeFile(join(user.home, 'uni34.conf'), registry('uni34.invalid', [mirror.host]))
  await mkdir(join(user.home, 'uni34.d'))
  await mkdir(join(user.home, 'uni34-tmp'))
  const flags = ['--registries-conf=uni34.conf', '--registries.d=uni34.d', '--tmpdir=uni34-tmp']
  const platform = ['--override-os=linux', '--override-arch=arm64', '--override-variant=v8']
  const words = [...flags, ...platform, 'copy', '-q', 'docker://uni34.invalid/busybox', 'dir:uni34']
  expect(await user.run(words)).toMatchObject({ code: 0 })
  const insecure = ['--tls-verify=false', ...flags, 'inspect', '--raw', `docker://${mirror.host}/busybox`]
  expect((await user.run(insecure)).code).toBe(0)
  await using scripted = await startScriptedRegistry(() => undefined)
  await user.run(['inspect', '--tls-verify=false', `docker://${scripted.host}/a`])
  expect(scripted.requests.at(-1)?.userAgent).toMatch(/^transload\//)
})
