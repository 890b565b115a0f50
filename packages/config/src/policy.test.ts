import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { TransloadError } from '@transload/contract'
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

test('a policy with everything', () => {
  const keys = { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k', signedIdentity: { type: 'matchExact' } }
  const cosign = {
    type: 'sigstoreSigned',
    keyData: 'x',
    signedIdentity: { type: 'remapIdentity', prefix: 'a', signedPrefix: 'b' },
  }
  const base = { type: 'signedBaseLayer', baseLayerIdentity: { type: 'exactReference', dockerReference: 'a:1' } }
  const policy = parsePolicy(
    JSON.stringify({
      default: [{ type: 'reject' }],
      transports: {
        docker: { '': accept, 'r.test/a': [keys, cosign] },
        dir: { '/a/b': accept },
        future: { '%': [base] },
      },
    }),
    'p.json',
  )
  expect(policy.default).toEqual([{ type: 'reject', members: {} }])
  expect(
    policy.transports
      .get('docker')
      ?.get('r.test/a')
      ?.map(({ type }) => type),
  ).toEqual(['signedBy', 'sigstoreSigned'])
  expect([...policy.transports.keys()]).toEqual(['docker', 'dir', 'future'])
})

test.each([
  ['', 'content is not valid JSON'],
  ['{} x', 'content is not valid JSON'],
  ['[]', 'content is not a JSON object'],
  ['{}', 'Default policy is missing'],
  ['{"default":[]}', 'List of verification policy requirements must not be empty'],
  ['{"default":{}}', 'policy requirements are not a list'],
  ['{"default":[{"type":"accept"}]}', 'Unknown policy requirement type "accept"'],
  ['{"default":[{}]}', 'Unknown policy requirement type ""'],
  ['{"default":[{"type":"reject","x":1}]}', 'Unknown key "x"'],
  ['{"default":[{"type":"reject"}],"Transports":{}}', 'Unknown key "Transports"'],
  ['{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}', 'Duplicate key "default"'],
  ['{"default":[{"type":"reject"}],"transports":{"dir":{"a":[{"type":"reject"}]}}}', 'Unknown key "a"'],
  ['{"default":[{"type":"reject"}],"transports":{"oci":{"/":[{"type":"reject"}]}}}', 'Unknown key "/"'],
  ['{"default":[{"type":"reject"}],"transports":{"oci":{"/a/../b":[{"type":"reject"}]}}}', 'Unknown key "/a/../b"'],
  ['{"default":[{"type":"reject"}],"transports":{"docker-archive":{"/a":[{"type":"reject"}]}}}', 'Unknown key "/a"'],
  ['{"default":[{"type":"reject"}],"transports":{"docker":{"":[]}}}', 'must not be empty'],
  ['{"default":[{"type":"signedBy","keyPath":"/k"}]}', 'Unrecognized keyType value ""'],
  ['{"default":[{"type":"signedBy","keyType":"GPGKeys"}]}', 'must be specified, none of them present'],
  ['{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"a","keyData":"b"}]}', 'more than one present'],
  ['{"default":[{"type":"sigstoreSigned"}]}', 'exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki'],
  ['{"default":[{"type":"reject"}],"transports":null}', 'transports is not an object'],
  [
    '{"default":[{"type":"sigstoreSigned","keyPath":"a","signedIdentity":{"type":"exactReference"}}]}',
    'Key "dockerReference" missing in a JSON object',
  ],
  [
    '{"default":[{"type":"sigstoreSigned","keyPath":"a","signedIdentity":{"type":"matchAny"}}]}',
    'Unknown policy reference match type "matchAny"',
  ],
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
