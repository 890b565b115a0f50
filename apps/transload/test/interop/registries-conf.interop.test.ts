import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers } from '@transload/peers'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const missing = requirePeers('skopeo')

/** Each registry has another image under the same names: what is read tells where from. */
const names = ['primary', 'first', 'second'] as const
const images = names.map((label) => fixtureImage({ label }))

let user: User
let servers: readonly RegistryServer[] = []
let dropIns: string
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  dropIns = join(user.home, '.config/containers/registries.conf.d')
  servers = await Promise.all(names.map((name) => startRegistryServer({ directory: join(user.home, name) })))
  for (const [index, { host }] of servers.entries()) {
    await writeToLayout(images[index]!, join(user.home, 'images'), names[index]!)
    for (const path of ['app', 'team/app', 'moved/app']) {
      await user.succeed([
        'copy',
        '-q',
        '--dest-tls-verify=false',
        `oci:images:${names[index]}`,
        `docker://${host}/${path}`,
      ])
    }
  }
  // Found by its digest there, and it is not what the others have.
  const words = ['copy', '-q', '--dest-tls-verify=false', 'oci:images:primary', `docker://${servers[1]!.host}/app:too`]
  await user.succeed(words)
}, 60_000)
afterEach(async () => {
  if (dropIns) await rm(dropIns, { recursive: true, force: true })
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await user?.[Symbol.asyncDispose]()
})

/** Puts the hosts into a text: P the primary's, A and B the mirrors', X one where nobody answers. */
function filled(text: string): string {
  const [primary, first, second] = servers.map(({ host }) => host) as [string, string, string]
  const values: Readonly<Record<string, string>> = { P: primary, A: first, B: second, X: '127.0.0.1:1' }
  return text.replaceAll(/<([PABX])>/g, (_, name: string) => values[name]!)
}

/** What both programs make of a command under that registries.conf. */
async function runBoth(conf: string, words: readonly string[]): Promise<readonly [Outcome, Outcome]> {
  await writeFile(join(user.home, 'r.conf'), filled(conf))
  const line = ['--insecure-policy', '--registries-conf=r.conf', ...words.map(filled)]
  const env = { ...process.env, HOME: user.home, XDG_RUNTIME_DIR: join(user.home, 'run') }
  const [ours, { code = null, stdout, stderr }] = await Promise.all([
    user.run(line),
    peer('skopeo').run(line, { cwd: user.home, env }),
  ])
  return [ours, { code, stdout, stderr, output: stdout + stderr }]
}

function table(prefix: string, more: string, ...mirrors: readonly string[]): string {
  const tables = mirrors.map((mirror) => `[[registry.mirror]]\ninsecure = true\nlocation = ${mirror}\n`)
  return `[[registry]]\nprefix = "${prefix}"\n${more}\n${tables.join('')}`
}

const itself = 'location = "<P>"\ninsecure = true'
const byDigest = `docker://<P>/app@${images[0]!.root.digest}`

/** Configuration, image, and whose image is read. */
const reads: readonly (readonly [
  name: string,
  conf: string,
  image: string,
  from: (typeof names)[number] | 'nowhere',
])[] = [
  ['no mirror', table('<P>', itself), 'docker://<P>/app', 'primary'],
  ['mirrors in order', table('<P>', itself, '"<A>"', '"<B>"'), 'docker://<P>/app', 'first'],
  ['a mirror that is down', table('<P>', itself, '"<X>"', '"<B>"'), 'docker://<P>/app', 'second'],
  ['a mirror without the image', table('<P>', itself, '"<A>/none"', '"<B>"'), 'docker://<P>/app', 'second'],
  ['no mirror that works', table('<P>', itself, '"<X>"', '"<A>/none"'), 'docker://<P>/app', 'primary'],
  [
    'digests only: a tag',
    table('<P>', `${itself}\nmirror-by-digest-only = true`, '"<A>"'),
    'docker://<P>/app',
    'primary',
  ],
  ['digests only: a digest', table('<P>', `${itself}\nmirror-by-digest-only = true`, '"<A>"'), byDigest, 'primary'],
  [
    'tag-only',
    table('<P>', itself, '"<A>"\npull-from-mirror = "digest-only"', '"<B>"\npull-from-mirror = "tag-only"'),
    'docker://<P>/app',
    'second',
  ],
  [
    'another location',
    table('user.invalid/a', 'location = "<P>/moved"\ninsecure = true'),
    'docker://user.invalid/a/app',
    'primary',
  ],
  [
    'the longest prefix',
    `${table('user.invalid', 'location = "<X>"')}${table('user.invalid/a', 'location = "<A>"\ninsecure = true')}`,
    'docker://user.invalid/a/app',
    'first',
  ],
  ['a prefix of letters', table('<P>/ap', 'location = "<X>"'), 'docker://<P>/app', 'nowhere'],
  ['a wildcard', table('*.wild.invalid', '', '"<B>/team"'), 'docker://x.y.wild.invalid/app', 'second'],
  ['a prefix with a tag', table('<P>/app:latest', 'location = "<X>/x:y"'), 'docker://<P>/app', 'nowhere'],
  ['not insecure', table('<P>', 'location = "<P>"'), 'docker://<P>/app', 'nowhere'],
  ['blocked, with a mirror', table('<P>', 'location = "<P>"\nblocked = true', '"<A>"'), 'docker://<P>/app', 'first'],
  [
    'blocked, at another location',
    table('user.invalid', 'location = "<A>"\ninsecure = true\nblocked = true'),
    'docker://user.invalid/app',
    'first',
  ],
  [
    'a mirror that is blocked',
    `${table('<P>', itself, '"<A>"', '"<B>"')}${table('<A>', 'location = "<A>"\nblocked = true')}`,
    'docker://<P>/app',
    'second',
  ],
  ['version 1', '[registries.insecure]\nregistries = ["<A>"]', 'docker://<A>/app', 'first'],
]

describe.skipIf(missing)(`the same registries.conf reads the same image as with skopeo ${missing ?? ''}`, () => {
  test.each(reads)('%s', async (_, conf, image, from) => {
    const [ours, theirs] = await runBoth(conf, ['inspect', '--raw', image])
    expect(ours.stdout).toBe(theirs.stdout)
    expect(ours.code).toBe(theirs.code)
    const expected = from === 'nowhere' ? '' : new TextDecoder().decode(images[names.indexOf(from)]!.root.bytes)
    expect(ours.stdout).toBe(expected)
  })

  test('drop-ins replace tables', async () => {
    await mkdir(dropIns)
    await writeFile(join(dropIns, '1.conf'), filled(table('<P>', itself, '"<A>"')))
    await writeFile(join(dropIns, '2.conf'), filled(table('<P>', itself, '"<B>"')))
    const [ours, theirs] = await runBoth(table('<P>', itself), ['inspect', '--raw', 'docker://<P>/app'])
    expect(ours.stdout).toBe(new TextDecoder().decode(images[2]!.root.bytes))
    expect(ours.stdout).toBe(theirs.stdout)
  })
})

const blocked = table('<P>', 'location = "<P>"\nblocked = true')

describe.skipIf(missing)(`the same registries.conf is refused as by skopeo ${missing ?? ''}`, () => {
  test.each<readonly [string, readonly string[]]>([
    [blocked, ['inspect', 'docker://<P>/app']],
    [blocked, ['delete', 'docker://<P>/app']],
    [blocked, ['copy', 'docker://<P>/app', 'dir:out']],
    [blocked, ['copy', 'oci:images:first', 'docker://<P>/app']],
    [blocked, ['login', '-u', 'a', '-p', 'b', '<P>']],
    ['[registries.block]\nregistries = ["<P>"]', ['inspect', 'docker://<P>/app']],
    ['[[registry]]', ['inspect', 'docker://<P>/app']],
    ['[[registry]]', ['delete', 'docker://<P>/app']],
    ['[[registry]]', ['login', '--get-login', '<P>']],
    ['[[registry]]', ['logout', '<P>']],
    [table('a.test', ''), ['inspect', 'docker://<P>/app']],
    [table('a.test', 'location = "http://b.test"'), ['inspect', 'docker://<P>/app']],
    [table('a.test', 'location = "b.test"\npull-from-mirror = "all"'), ['inspect', 'docker://<P>/app']],
    [table('a.test', 'location = "b.test"', '""'), ['inspect', 'docker://<P>/app']],
    [table('a.test', 'location = "b.test"', '"c.test"\npull-from-mirror = "x"'), ['inspect', 'docker://<P>/app']],
    [
      table('a.test', 'location = "b.test"\nmirror-by-digest-only = true', '"c.test"\npull-from-mirror = "all"'),
      ['inspect', 'docker://<P>/app'],
    ],
    [
      `${table('a.test', 'location = "c.test"')}${table('b.test', 'location = "c.test"\nblocked = true')}`,
      ['inspect', 'docker://<P>/app'],
    ],
    [table('*.a.test/b', 'location = "c.test"'), ['inspect', 'docker://<P>/app']],
    ['short-name-mode = "x"', ['inspect', 'docker://<P>/app']],
    ['unqualified-search-registries = ["a.test/b"]', ['inspect', 'docker://<P>/app']],
    ['[aliases]\nx = "y"', ['inspect', 'docker://<P>/app']],
    ['[aliases]\n"a.test/x" = "b.test/y"', ['inspect', 'docker://<P>/app']],
    [table('127.0.0.1', 'location = "b.test/x"'), ['inspect', 'docker://127.0.0.1:5/app']],
    [table('<P>', 'location = "b.test/UPPER"'), ['inspect', 'docker://<P>/app']],
    ['credential-helpers = ["nowhere"]', ['login', '--get-login', '<P>']],
    ['credential-helpers = ["nowhere"]', ['logout', '<P>']],
  ])('%j for %j', async (conf, words) => {
    const [ours, theirs] = await runBoth(conf, words)
    expect([ours.code, theirs.code]).toEqual([1, 1])
    expect(fatalMessage(ours)).toBe(fatalMessage(theirs))
  })
})
