import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'

import { encodeJson, rawManifest } from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const fixtures = join(import.meta.dirname, '../fixtures/tls')
const certificates = join(fixtures, 'ca')

/** What the rows call their servers. */
const servers = {
  default: {},
  max12: { maxVersion: 'TLSv1.2' },
  noPQ: { minVersion: 'TLSv1.3', ecdhCurve: 'X25519:P-256:P-384:P-521' },
  PQ: { minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768' },
} as const satisfies Readonly<Record<string, TlsOptions>>

const details = {
  empty: '{}\n',
  tls13: 'minVersion: "1.3"\n',
  pq: 'minVersion: "1.3"\nnamedGroups:\n  - "X25519MLKEM768"\n',
} as const

const negotiated = /\b418\b/
const version = /protocol version not supported/
const handshake = /handshake failure/

let user: User
beforeAll(async () => {
  user = await createUser()
  for (const [name, text] of Object.entries(details)) await writeFile(join(user.home, `${name}.yaml`), text)
})
afterAll(() => user[Symbol.asyncDispose]())

/** The outcomes by what the details say and what the server does. */
const matrix: readonly (readonly [string, keyof typeof details, keyof typeof servers, RegExp])[] = [
  ['TLS-01', 'empty', 'default', negotiated],
  ['TLS-02', 'empty', 'max12', negotiated],
  ['TLS-03', 'empty', 'noPQ', negotiated],
  ['TLS-04', 'empty', 'PQ', negotiated],
  ['TLS-05', 'tls13', 'default', negotiated],
  ['TLS-06', 'tls13', 'max12', version],
  ['TLS-07', 'tls13', 'noPQ', negotiated],
  ['TLS-08', 'tls13', 'PQ', negotiated],
  ['TLS-09', 'pq', 'default', negotiated],
  ['TLS-10', 'pq', 'max12', version],
  ['TLS-11', 'pq', 'noPQ', handshake],
  ['TLS-12', 'pq', 'PQ', negotiated],
]

describe('TLS-14: inspect docker://', () => {
  it.each(matrix)('%s: details %s, server %s: %s', async (_row, file, server, shown) => {
    await using teapot = await startTeapot(servers[server])
    const words = ['--tls-details', `${file}.yaml`, 'inspect', '--cert-dir', certificates]
    const { code, output } = await user.run([...words, `docker://${teapot.host}/repo`])
    expect(code).toBe(1)
    expect(output).toMatch(shown)
  })
})

describe('TLS-16: inspect atomic:', () => {
  it.each(matrix)('%s: details %s, server %s: %s', async (_row, file, server, shown) => {
    await using teapot = await startTeapot(servers[server])
    const cluster = { server: `https://${teapot.host}`, 'certificate-authority': join(certificates, 'localhost.crt') }
    const config = {
      'current-context': 'teapot',
      contexts: [{ name: 'teapot', context: { cluster: 'teapot' } }],
      clusters: [{ name: 'teapot', cluster }],
    }
    await writeFile(join(user.home, 'kubeconfig'), JSON.stringify(config))
    const words = ['--tls-details', `${file}.yaml`, 'inspect', 'atomic:registry.example/namespace/repo:tag']
    const { code, output } = await user.run(words, { env: { KUBECONFIG: 'kubeconfig' } })
    expect(code).toBe(1)
    expect(output).toMatch(shown)
  })
})

// Where TLS is negotiated the certificate is refused: nothing names its authority.
describe('TLS-15: inspect oci:, the config being elsewhere', () => {
  it.each(matrix)('%s: details %s, server %s: %s', async (_row, file, server, shown) => {
    await using teapot = await startTeapot(servers[server])
    await writeLayoutWithConfigAt(`https://${teapot.host}/config`)
    const { code, output } = await user.run(['--tls-details', `${file}.yaml`, 'inspect', 'oci:elsewhere'])
    expect(code).toBe(1)
    expect(output).toMatch(shown === negotiated ? /certificate signed by unknown authority/ : shown)
  })
})

it.each([
  ['missing.yaml', undefined, 'no such file or directory'],
  ['odd.yaml', 'minversion: "1.3"\n', 'field \\"minversion\\" not found'],
])('details in %s: %j', async (name, text, problem) => {
  if (text !== undefined) await writeFile(join(user.home, name), text)
  const { code, output } = await user.run(['inspect', '--tls-details', name, 'docker://localhost:1/repo'])
  expect(code).toBe(1)
  expect(output).toContain(problem)
})

describe('SSL_CERT_FILE and SSL_CERT_DIR', () => {
  const ca = { SSL_CERT_FILE: join(certificates, 'localhost.crt') }

  it('name roots', async () => {
    await using teapot = await startTeapot({})
    const { output } = await user.run(['inspect', `docker://${teapot.host}/repo`], { env: ca })
    expect(output).toMatch(negotiated)
  })

  it('are the only roots when both are set', async () => {
    await using teapot = await startTeapot({})
    const other = join(import.meta.dirname, '../../../../packages/transport-registry/test/fixtures/loopback.crt')
    await writeFile(join(user.home, 'other.crt'), await readFile(other))
    const env = { SSL_CERT_FILE: 'other.crt', SSL_CERT_DIR: user.home }
    const { output } = await user.run(['inspect', `docker://${teapot.host}/repo`], { env })
    expect(output).toContain('certificate signed by unknown authority')
  })
})

/** Makes the layout `elsewhere` of one image, whose config is not in it. */
async function writeLayoutWithConfigAt(url: string): Promise<void> {
  const { root } = fixtureImage()
  const manifest = JSON.parse(Buffer.from(root.bytes).toString()) as { config: object }
  const bytes = Buffer.from(encodeJson({ ...manifest, config: { ...manifest.config, urls: [url] } }))
  const image = { root: rawManifest(bytes), children: [], blobs: [] }
  await rm(join(user.home, 'elsewhere'), { recursive: true, force: true })
  await writeToLayout(image, join(user.home, 'elsewhere'), 'v1')
}

/** Answers 418 to everything, at `localhost`. */
async function startTeapot(options: TlsOptions): Promise<AsyncDisposable & { readonly host: string }> {
  const [cert, key] = await Promise.all([
    readFile(join(certificates, 'localhost.crt')),
    readFile(join(fixtures, 'localhost.key')),
  ])
  const server = createServer({ ...options, cert, key }, (_request, response) => void response.writeHead(418).end())
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
