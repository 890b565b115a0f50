import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { TransloadError, type IdentityMatcher, type PolicyRequirement } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { Locations } from './locations.ts'
import { parsePolicy, readPolicy } from './policy.ts'

const accept = [{ type: 'insecureAcceptAnything' }]

describe('which file', () => {
  let root: string
  let locations: Locations

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'config-test-'))
    locations = { env: {}, home: join(root, 'home'), root, uid: 1, platform: 'linux' }
  })

  afterEach(() => rm(root, { recursive: true }))

  async function write(name: string): Promise<string> {
    const path = join(root, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, JSON.stringify({ default: accept }))
    return path
  }

  test('--policy, the user’s, the system’s', async () => {
    const user = join(root, 'home/.config/containers/policy.json')
    await expect(readPolicy(locations)).rejects.toThrow(
      'Error loading trust policy: no policy.json file found at any of the following: ' +
        `"${user}", "${join(root, 'etc/containers/policy.json')}"`,
    )
    const system = await write('etc/containers/policy.json')
    expect((await readPolicy(locations)).file).toBe(system)
    await write('home/.config/containers/policy.json')
    expect((await readPolicy(locations)).file).toBe(user)
    const named = join(root, 'named.json')
    await expect(readPolicy(locations, { policyFile: named })).rejects.toThrow(
      `Error loading trust policy: open ${named}: no such file or directory`,
    )
    await write('named.json')
    expect((await readPolicy(locations, { policyFile: named })).file).toBe(named)
  })
})

function policyOf(value: unknown): string {
  return JSON.stringify({ default: [value] })
}

function firstRequirement(value: unknown): PolicyRequirement | undefined {
  return parsePolicy(policyOf(value), 'p.json').default[0]
}

test('sections', () => {
  const base = { type: 'signedBaseLayer', baseLayerIdentity: { type: 'exactReference', dockerReference: 'a:1' } }
  const policy = parsePolicy(
    JSON.stringify({
      default: [{ type: 'reject' }],
      transports: {
        docker: { '': accept, 'r.test/a': [...accept, base] },
        dir: { '/a/b': accept },
        future: { '%': accept },
      },
    }),
    'p.json',
  )
  expect(policy).toEqual({
    file: 'p.json',
    default: [{ type: 'reject' }],
    transports: new Map([
      [
        'docker',
        new Map([
          ['', accept],
          ['r.test/a', [...accept, { type: 'signedBaseLayer' }]],
        ]),
      ],
      ['dir', new Map([['/a/b', accept]])],
      ['future', new Map([['%', accept]])],
    ]),
  })
})

const path = { path: '/k' }
const data = { data: Buffer.from('a') }
const anyMatcher = { type: 'matchRepoDigestOrExact' }

test.each<[Record<string, unknown>, Record<string, unknown>]>([
  [{ keyPath: '/k' }, { keys: [path] }],
  [{ keyPaths: ['/k', '/k'] }, { keys: [path, path] }],
  [{ keyPaths: [] }, { keys: [] }],
  [{ keyData: 'YQ==' }, { keys: [data] }],
  [{ keyData: 'Y\nQ=\r\n=' }, { keys: [data] }],
  [
    { keyPath: '/k', signedIdentity: { type: 'matchExact' } },
    { keys: [path], signedIdentity: { type: 'matchExact' } },
  ],
])('signedBy %j', (members, expected) => {
  const keyType = 'GPGKeys'
  expect(firstRequirement({ type: 'signedBy', keyType, ...members })).toEqual({
    type: 'signedBy',
    keyType,
    signedIdentity: anyMatcher,
    ...expected,
  })
})

const identity = { oidcIssuer: 'https://i.test', subjectEmail: 'a@b.test' }

test.each<[Record<string, unknown>, Record<string, unknown>]>([
  [{ keyPath: '/k' }, { trust: { kind: 'keys', keys: [path] } }],
  [{ keyPaths: ['/k', '/k'] }, { trust: { kind: 'keys', keys: [path, path] } }],
  [{ keyData: 'YQ==' }, { trust: { kind: 'keys', keys: [data] } }],
  [{ keyDatas: ['YQ=='] }, { trust: { kind: 'keys', keys: [data] } }],
  [
    { keyPath: '/k', rekorPublicKeyPath: '/k' },
    { trust: { kind: 'keys', keys: [path] }, rekorKeys: [path] },
  ],
  [
    { keyPath: '/k', rekorPublicKeyPaths: ['/k'] },
    { trust: { kind: 'keys', keys: [path] }, rekorKeys: [path] },
  ],
  [
    { keyPath: '/k', rekorPublicKeyDatas: ['YQ=='] },
    { trust: { kind: 'keys', keys: [path] }, rekorKeys: [data] },
  ],
  [
    { fulcio: { caPath: '/k', ...identity }, rekorPublicKeyData: 'YQ==' },
    { trust: { kind: 'fulcio', ca: path, ...identity }, rekorKeys: [data] },
  ],
  [
    { pki: { caRootsData: 'YQ==', caIntermediatesPath: '/k', subjectEmail: 'a@b.test' } },
    { trust: { kind: 'pki', roots: data, intermediates: path, subjectEmail: 'a@b.test' } },
  ],
  [
    { pki: { caRootsPath: '/k', subjectHostname: 'b.test' } },
    { trust: { kind: 'pki', roots: path, subjectHostname: 'b.test' } },
  ],
])('sigstoreSigned %j', (members, expected) => {
  expect(firstRequirement({ type: 'sigstoreSigned', ...members })).toEqual({
    type: 'sigstoreSigned',
    rekorKeys: [],
    signedIdentity: anyMatcher,
    ...expected,
  })
})

test.each<[IdentityMatcher]>([
  [{ type: 'matchExact' }],
  [{ type: 'matchRepoDigestOrExact' }],
  [{ type: 'matchRepository' }],
  [{ type: 'exactReference', dockerReference: 'busybox:1' }],
  [{ type: 'exactRepository', dockerRepository: 'busybox' }],
  [{ type: 'remapIdentity', prefix: 'r.test:5000', signedPrefix: 'docker.io/library' }],
])('the matcher %j', (signedIdentity) => {
  expect(firstRequirement({ type: 'sigstoreSigned', keyPath: '/k', signedIdentity })).toMatchObject({ signedIdentity })
})

function requirement(members: string): string {
  return `{"default":[{${members}}]}`
}

function simple(members: string): string {
  return requirement(`"type":"signedBy","keyType":"GPGKeys",${members}`)
}

function sigstore(members: string): string {
  return requirement(`"type":"sigstoreSigned",${members}`)
}

function matcher(members: string): string {
  return sigstore(`"keyPath":"a","signedIdentity":{${members}}`)
}

function scope(transport: string, name: string): string {
  return `{"default":[{"type":"reject"}],"transports":{"${transport}":{"${name}":[{"type":"reject"}]}}}`
}

const someFulcio = '"fulcio":{"caPath":"a","oidcIssuer":"i","subjectEmail":"e"}'
const digest = `sha256:${'0'.repeat(64)}`

test.each([
  ['', 'content is not valid JSON'],
  ['{} x', 'content is not valid JSON'],
  ['[]', 'content is not a JSON object'],
  ['{}', 'Default policy is missing'],
  ['{"default":[]}', 'List of verification policy requirements must not be empty'],
  ['{"default":{}}', 'policy requirements are not a list'],
  ['{"default":[{"type":"reject"}],"Transports":{}}', 'Unknown key "Transports"'],
  ['{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}', 'Duplicate key "default"'],
  ['{"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}}', 'must not be empty'],
  ['{"default":[{"type":"reject"}],"transports":null}', 'transports is not an object'],
  ['{"default":[{"type":"reject"}],"transports":{"docker":null}}', 'docker is not an object'],
  ['{"default":["x"]}', 'a policy requirement is not an object'],
  [requirement('"type":"accept"'), 'Unknown policy requirement type "accept"'],
  [requirement(''), 'Unknown policy requirement type ""'],
  [requirement('"type":"reject","x":1'), 'Unknown key "x"'],
  [requirement('"type":"signedBaseLayer"'), 'Key "baseLayerIdentity" missing in a JSON object'],
  [scope('dir', 'a'), 'Unknown key "a"'],
  [scope('dir', '/x//y'), 'Unknown key "/x//y"'],
  [scope('oci', '/'), 'Unknown key "/"'],
  [scope('oci', '/a/../b'), 'Unknown key "/a/../b"'],
  [scope('sif', '/x/'), 'Unknown key "/x/"'],
  [scope('docker-archive', '/a'), 'Unknown key "/a"'],
  [scope('tarball', '/a'), 'Unknown key "/a"'],
  [scope('docker-daemon', digest), `Unknown key "${digest}"`],
  [scope('atomic', 'a/b/c/d'), 'Unknown key "a/b/c/d"'],
  [scope('atomic', 'a/b:c'), 'Unknown key "a/b:c"'],
  [scope('containers-storage', '[@/a]'), 'Unknown key "[@/a]"'],
  [scope('containers-storage', '[o@a]'), 'Unknown key "[o@a]"'],
  [scope('containers-storage', '[o@/a]n@x'), 'Unknown key "[o@/a]n@x"'],
  [scope('containers-storage', `[o@/a]n@${digest}@x`), `Unknown key "[o@/a]n@${digest}@x"`],
  [requirement('"type":"signedBy","keyPath":"/k"'), 'invalid keyType ""'],
  [requirement('"type":"signedBy","keyType":"x","keyPath":"/k"'), 'Unrecognized keyType value "x"'],
  [simple('"x":1'), 'Unknown key "x"'],
  [
    simple('"signedIdentity":{"type":"matchExact"}'),
    'Exactly one of keyPath, keyPaths and keyData must be specified, none of them present',
  ],
  [
    simple('"keyPath":"a","keyData":"YQ=="'),
    'Exactly one of keyPath, keyPaths and keyData must be specified, more than one present',
  ],
  [simple('"keyPath":5'), 'keyPath is not a string'],
  [simple('"keyPath":""'), 'keyPath is empty'],
  [simple('"keyPaths":"x"'), 'keyPaths is not a list'],
  [simple('"keyPaths":[1]'), 'keyPaths is not a string'],
  [simple('"keyData":"YQ"'), 'illegal base64 data'],
  [simple('"keyPath":"a","signedIdentity":null'), 'an identity matcher is not an object'],
  [
    sigstore('"rekorPublicKeyPath":"a"'),
    'exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified',
  ],
  [
    sigstore('"keyPath":"a","keyData":""'),
    'exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified',
  ],
  [sigstore('"keyPaths":[]'), '"keyPaths" contains no entries'],
  [sigstore('"keyDatas":[]'), '"keyDatas" contains no entries'],
  [sigstore('"keyDatas":["!"]'), 'illegal base64 data'],
  [sigstore('"keyPath":"a","rekorPublicKeyPaths":[]'), '"rekorPublickeyPaths" contains no entries'],
  [sigstore('"keyPath":"a","rekorPublicKeyDatas":[]'), '"rekorPublickeyDatas" contains no entries'],
  [sigstore('"keyPath":"a","rekorPublicKeyPath":""'), 'rekorPublicKeyPath is empty'],
  [
    sigstore('"keyPath":"a","rekorPublicKeyPath":"x","rekorPublicKeyData":"YQ=="'),
    'at most one of rekorPublickeyPath, rekorPublicKeyPaths, rekorPublickeyData and rekorPublicKeyDatas can be used ' +
      'simultaneously',
  ],
  [sigstore('"fulcio":null'), 'fulcio is not an object'],
  [sigstore('"fulcio":{"x":1}'), 'Unknown key "x"'],
  [sigstore('"fulcio":{}'), 'At least one of caPath and caData must be specified'],
  [sigstore('"fulcio":{"caPath":"a","caData":"YQ=="}'), 'caPath and caData cannot be used simultaneously'],
  [sigstore('"fulcio":{"caPath":"a"}'), 'oidcIssuer not specified'],
  [sigstore('"fulcio":{"caPath":"a","oidcIssuer":"a"}'), 'subjectEmail not specified'],
  [
    sigstore(someFulcio),
    'At least one of rekorPublickeyPath, rekorPublicKeyPaths, rekorPublickeyData and rekorPublicKeyDatas must be ' +
      'specified if fulcio is used',
  ],
  [sigstore('"pki":{}'), 'At least one of caRootsPath and caRootsData must be specified'],
  [sigstore('"pki":{"caRootsPath":"a","caRootsData":"YQ=="}'), 'caRootsPath and caRootsData cannot be used'],
  [sigstore('"pki":{"caRootsPath":"a"}'), 'At least one of subjectEmail, subjectHostname must be specified'],
  [
    sigstore('"pki":{"caRootsPath":"a","caIntermediatesPath":"a","caIntermediatesData":"YQ==","subjectEmail":"e"}'),
    'caIntermediatesPath and caIntermediatesData cannot be used simultaneously',
  ],
  [
    sigstore('"pki":{"caRootsPath":"a","subjectHostname":"e"},"rekorPublicKeyPath":"r"'),
    'rekorPublickeyPath, rekorPublicKeyPaths, rekorPublickeyData and rekorPublicKeyDatas are not supported for pki',
  ],
  [matcher('"type":"matchAny"'), 'Unknown policy reference match type "matchAny"'],
  [matcher(''), 'Unknown policy reference match type ""'],
  [matcher('"type":"matchExact","x":1'), 'Unknown key "x"'],
  [matcher('"type":"exactReference"'), 'Key "dockerReference" missing in a JSON object'],
  [
    matcher('"type":"exactReference","dockerReference":"busybox"'),
    'dockerReference "busybox" contains neither a tag nor digest',
  ],
  [
    matcher('"type":"exactReference","dockerReference":"UP"'),
    'Invalid format of dockerReference "UP": invalid reference format: repository name must be lowercase',
  ],
  [
    matcher('"type":"exactRepository","dockerRepository":"UP"'),
    'Invalid format of dockerRepository "UP": invalid reference format: repository name must be lowercase',
  ],
  [matcher('"type":"remapIdentity","prefix":"a"'), 'Key "signedPrefix" missing in a JSON object'],
  [matcher('"type":"remapIdentity","prefix":"","signedPrefix":"b"'), 'prefix "" is not valid'],
  [matcher('"type":"remapIdentity","prefix":"a/UP","signedPrefix":"b"'), 'prefix "a/UP" is not valid'],
  [matcher('"type":"remapIdentity","prefix":"a/b:1","signedPrefix":"b"'), 'prefix "a/b:1" is not valid'],
  [matcher('"type":"remapIdentity","prefix":"*.a","signedPrefix":"b"'), 'prefix "*.a" is not valid'],
  [matcher('"type":"remapIdentity","prefix":"a","signedPrefix":"b/c/"'), 'prefix "b/c/" is not valid'],
])('not a policy: %s', (text, problem) => {
  let error: unknown
  try {
    parsePolicy(text, '/p.json')
  } catch (caught) {
    error = caught
  }
  expect(TransloadError.is(error, 'CONFIG_INVALID')).toBe(true)
  expect(String(error)).toContain('Error loading trust policy: invalid policy in "/p.json": ')
  expect(String(error)).toContain(problem)
})

test.each([
  ['containers-storage', '[/a]'],
  ['containers-storage', '[o@/a]n:t'],
  ['containers-storage', `[o@/a]n@${'0'.repeat(64)}`],
  ['containers-storage', `[o@/a]n@${digest}@${'0'.repeat(64)}`],
  ['atomic', 'a/b/c:d'],
  ['atomic', 'a:1/b'],
  ['docker-daemon', 'a:b:c'],
  ['docker', '%%'],
  ['oci', '/x:t'],
  ['ostree', 'x'],
])('a scope of %s: %s', (transport, name) => {
  expect(parsePolicy(scope(transport, name), 'p.json').transports.get(transport)?.has(name)).toBe(true)
})
