import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { readKubernetesServer, type KubernetesServer } from './kubeconfig.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  await mkdir(join(root, '.kube'))
})

afterEach(() => rm(root, { recursive: true }))

async function read(env: Readonly<Record<string, string>> = {}): Promise<KubernetesServer> {
  return await readKubernetesServer({ env, home: root, root, uid: 1, platform: 'linux' }, root)
}

async function write(name: string, content: object | string): Promise<void> {
  await writeFile(join(root, name), typeof content === 'string' ? content : JSON.stringify(content))
}

const nothing = {
  token: undefined,
  username: undefined,
  password: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
}

test('without a file there is a default, or what the environment says', async () => {
  expect(await read()).toEqual({ ...nothing, url: 'http://localhost:8080/', insecure: false })
  expect(await read({ KUBERNETES_MASTER: 'https://a.test' })).toMatchObject({ url: 'https://a.test/' })
})

test('the current context decides, of what the first file says; certificates are files or data', async () => {
  await write('ca.pem', 'CA')
  await write('.kube/config', {
    'current-context': 'unused',
    clusters: [{ name: 'here', cluster: { server: 'https://unused.test' } }],
  })
  await write('one', {
    'current-context': 'c',
    clusters: [{ name: 'here', cluster: { server: 'https://a.test:8443', 'certificate-authority': 'ca.pem' } }],
    users: [
      {
        name: 'me',
        user: {
          'client-certificate-data': Buffer.from('CERT').toString('base64'),
          'client-key-data': Buffer.from('KEY').toString('base64'),
        },
      },
    ],
  })
  await write('two', {
    'current-context': 'other',
    contexts: [{ name: 'c', context: { cluster: 'here', user: 'me' } }],
    clusters: [{ name: 'here', cluster: { server: 'https://b.test', 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user: { token: 'x' } }],
  })
  expect(await read({ KUBECONFIG: `one::missing:${join(root, 'two')}` })).toEqual({
    ...nothing,
    url: 'https://a.test:8443/',
    ca: 'CA',
    cert: 'CERT',
    key: 'KEY',
    insecure: false,
  })
})

test('tokens, passwords, and a server without verification', async () => {
  await write('.kube/config', {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'here', user: 'me' } }],
    clusters: [{ name: 'here', cluster: { server: 'a.test', 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user: { token: 't', username: 'u', password: 'p' } }],
  })
  expect(await read()).toEqual({
    ...nothing,
    url: 'https://a.test/',
    token: 't',
    username: 'u',
    password: 'p',
    insecure: true,
  })
})

test.each([
  ['{', 'loading config file'],
  [{ clusters: [{ name: 'h', cluster: { server: 'http://[' } }] }, 'no usable server'],
  [{ clusters: [{ name: 'h', cluster: { 'certificate-authority': 'none' } }] }, 'unable to read certificate-authority'],
  [{ users: [{ name: 'm', user: { 'client-certificate-data': 'eA==' } }] }, 'client-key-data or client-key must be'],
])('%j is refused', async (config, problem) => {
  const context = { 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'h', user: 'm' } }] }
  await write('.kube/config', typeof config === 'string' ? config : { ...context, ...config })
  const reading = read()
  await expect(reading).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(reading).rejects.toThrow(problem)
})
