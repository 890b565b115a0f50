import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { readHostCertificates } from './host-certificates.ts'
import type { Locations } from './locations.ts'
import { readRootCertificates } from './root-certificates.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: {}, home: join(root, 'home'), root, uid: 1, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

async function write(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), `PEM of ${name}`)
  }
}

test('the first directory of the three, and no other', async () => {
  await write('etc/docker/certs.d/r.test:5000/a.crt')
  expect((await readHostCertificates('r.test:5000', locations))?.ca).toEqual([
    'PEM of etc/docker/certs.d/r.test:5000/a.crt',
  ])
  await write('etc/containers/certs.d/r.test:5000/b.crt')
  expect((await readHostCertificates('r.test:5000', locations))?.ca).toEqual([
    'PEM of etc/containers/certs.d/r.test:5000/b.crt',
  ])
  await mkdir(join(root, 'home/.config/containers/certs.d/r.test:5000'), { recursive: true })
  expect(await readHostCertificates('r.test:5000', locations)).toEqual({
    ca: [],
    directory: join(root, 'home/.config/containers/certs.d/r.test:5000'),
  })
  expect(await readHostCertificates('r.test', locations)).toBeUndefined()
  expect(await readHostCertificates('../certs.d', locations)).toBeUndefined()
})

test('--cert-dir is used as it is, a missing one ignored', async () => {
  await write('c/2.crt', 'c/1.crt', 'c/me.cert', 'c/me.key', 'c/notes.txt', 'etc/docker/certs.d/r.test/a.crt')
  expect(await readHostCertificates('r.test', locations, { certDirectory: join(root, 'c') })).toEqual({
    ca: ['PEM of c/1.crt', 'PEM of c/2.crt'],
    cert: 'PEM of c/me.cert',
    key: 'PEM of c/me.key',
    directory: join(root, 'c'),
  })
  expect(await readHostCertificates('r.test', locations, { certDirectory: join(root, 'missing') })).toBeUndefined()
})

test.each([
  [
    'a.cert',
    'missing key a.key for client certificate a.cert. Note that CA certificates should use the extension .crt',
  ],
  ['a.key', 'missing client certificate a.cert for key a.key'],
])('half a client certificate: %s', async (name, message) => {
  await write(`c/${name}`)
  await expect(readHostCertificates('r.test', locations, { certDirectory: join(root, 'c') })).rejects.toThrow(message)
})

test('an entry that cannot be read is an error', async () => {
  await mkdir(join(root, 'c/ca.crt'), { recursive: true })
  await expect(readHostCertificates('r.test', locations, { certDirectory: join(root, 'c') })).rejects.toThrow(
    `open ${join(root, 'c/ca.crt')}: is a directory`,
  )
})

test('SSL_CERT_FILE and SSL_CERT_DIR', async () => {
  const pem = '-----BEGIN CERTIFICATE-----\n'
  await mkdir(join(root, 'one/deeper'), { recursive: true })
  await mkdir(join(root, 'two'))
  for (const name of ['file', 'one/a', 'two/b']) await writeFile(join(root, name), pem + name)
  await writeFile(join(root, 'one/README'), 'no certificate')
  const env = { SSL_CERT_FILE: join(root, 'file'), SSL_CERT_DIR: `${join(root, 'one')}:${join(root, 'two')}` }
  const all = { certificates: [`${pem}file`, `${pem}one/a`, `${pem}two/b`], replacesSystem: true }
  const { SSL_CERT_FILE } = env
  const one = { certificates: [`${pem}file`], replacesSystem: false }
  expect(await readRootCertificates({ ...locations, env })).toEqual(all)
  expect(await readRootCertificates({ ...locations, env: { SSL_CERT_FILE } })).toEqual(one)
  expect(await readRootCertificates(locations)).toBeUndefined()
  for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const missing = { ...locations, env: { [name]: join(root, 'missing') } }
    await expect(readRootCertificates(missing)).rejects.toThrow(`${name}: open ${join(root, 'missing')}: no such file`)
  }
})
