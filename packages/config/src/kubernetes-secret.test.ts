import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { storeCredentials } from './edit-credentials.ts'
import { findCredentials } from './find-credentials.ts'
import type { Locations } from './locations.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: { PATH: '' }, home: root, root, uid: 7, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

const auths = JSON.stringify({ auths: { 'r.test': { username: 'u', password: 'p', auth: base64('u:p') } } })
const legacy = JSON.stringify({ 'https://r.test/v1/': { auth: base64('u:p'), email: 'e' } })

function secret(type: string | undefined, data: object, more: object = {}): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull' }, ...(type ? { type } : {}), data, ...more }
}

const configJson = secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64(auths) })
const dockercfg = secret('kubernetes.io/dockercfg', { '.dockercfg': base64(legacy) })

/** As `kubectl get secret -o yaml` prints it. */
const printed = `apiVersion: v1
data:
  .dockerconfigjson: ${base64(auths)}
kind: Secret
metadata:
  creationTimestamp: "2026-01-01T00:00:00Z"
  name: pull
  namespace: default
type: kubernetes.io/dockerconfigjson
`

async function write(content: unknown, name = 'secret'): Promise<string> {
  const path = join(root, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function findIn(authFile: string): ReturnType<typeof findCredentials> {
  return await findCredentials({ host: 'r.test', repository: 'a/b' }, locations, { authFile })
}

describe('credentials are read from', () => {
  test.each<[string, unknown, string?]>([
    ['YAML as it is printed', printed],
    ['JSON as it is printed', JSON.stringify(configJson, null, 4)],
    ['compact JSON', configJson],
    ['the older type', dockercfg],
    ['plain text', secret('kubernetes.io/dockerconfigjson', {}, { stringData: { '.dockerconfigjson': auths } })],
    [
      'plain text in YAML',
      `kind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: |\n    ${auths}\n`,
    ],
    ['base64 in lines', printed.replace(base64(auths), `|\n    ${base64(auths).replaceAll(/.{20}/g, '$&\n    ')}`)],
    ['a Secret that leaves out its type', secret(undefined, { '.dockercfg': base64(legacy) })],
    ['a List with one that fits', { kind: 'List', items: [secret('Opaque', { a: 'b' }), dockercfg] }],
    ['one of several documents', `kind: ConfigMap\ndata: {}\n---\n${printed}`],
    ['a mounted .dockerconfigjson', auths, '.dockerconfigjson'],
    ['a mounted .dockercfg', legacy, '.dockercfg'],
  ])('%s', async (_, content, name) => {
    expect((await findIn(await write(content, name)))?.credentials).toEqual({ username: 'u', password: 'p' })
  })
})

describe('refused is', () => {
  const two = { kind: 'List', items: [configJson, { ...dockercfg, metadata: { name: 'other' } }] }
  test.each<[string, unknown, string]>([
    ['more than one', two, 'has 2 Secrets with registry credentials: pull, other'],
    ['another type', secret('Opaque', { '.dockerconfigjson': 'x' }), 'Secret pull has the type "Opaque"'],
    ['a List without any', { kind: 'List', items: [] }, 'has no Secret'],
    ['one without data', secret('kubernetes.io/dockercfg', {}), 'Secret pull has no .dockercfg in its data'],
    ['bad base64', secret('kubernetes.io/dockercfg', { '.dockercfg': '?' }), '.dockercfg of Secret pull is not base64'],
    ['bad content', secret('kubernetes.io/dockercfg', { '.dockercfg': base64('?') }), 'is not valid JSON'],
    ['bad YAML', 'kind: Secret\ndata: [', 'is not valid YAML: '],
    ['bad JSON', '{"kind": "Secret"', 'is not valid JSON'],
  ])('%s', async (_, content, problem) => {
    const path = await write(content)
    const finding = findIn(path)
    await expect(finding).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(finding).rejects.toThrow(problem)
    await expect(finding).rejects.toThrow(path)
  })

  test.each([
    [printed, 'secret', 'is a Kubernetes Secret'],
    [legacy, '.dockercfg', 'is in the format of .dockercfg'],
  ])('to write to it: %#', async (content, name, problem) => {
    const path = await write(content, name)
    const storing = storeCredentials(
      { path, format: 'containers' },
      { key: 'r.test', host: 'r.test', repository: undefined },
      { username: 'a', password: 'b' },
      locations,
    )
    await expect(storing).rejects.toThrow(`${path} ${problem}: credentials are read from it, not written to it`)
    expect(await readFile(path, 'utf8')).toBe(content)
  })
})
