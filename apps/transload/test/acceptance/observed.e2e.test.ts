import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { mediaTypes, parseManifest } from '@transload/contract'
import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { errorBody, startScriptedRegistry, type ScriptedAnswer } from '../scripted-registry.ts'
import { writeToLayout } from '../write-image.ts'

const image = fixtureImage()
const list = fixtureIndex()

let user: User
beforeEach(async () => {
  user = await createUser()
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  await writeToLayout(list, join(user.home, 'images'), 'list')
})
afterEach(() => user[Symbol.asyncDispose]())

it('OBS-01: the lines of a copy', async () => {
  const manifest = parseManifest(image.root)
  const layers = manifest.kind === 'image' ? manifest.layers.map(({ digest }) => `Copying blob ${digest}`) : []
  const config = manifest.kind === 'image' ? `Copying config ${manifest.config.digest}` : ''
  const { code, stdout, stderr } = await user.run(['copy', 'oci:images:v1', 'dir:out'])
  const lines = stdout.split('\n')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(lines[0]).toBe('Getting image source signatures')
  expect(lines.slice(1, 3).sort()).toEqual(layers.sort())
  expect(lines.slice(3)).toEqual([config, 'Writing manifest to image destination', ''])
})

it('OBS-02: copy -q says nothing', async () => {
  expect(await user.run(['copy', '-q', 'oci:images:v1', 'dir:out'])).toMatchObject({ code: 0, output: '' })
})

it('OBS-03: the lines of a copy of a list', async () => {
  const { stdout } = await user.run(['copy', '--all', 'oci:images:list', 'dir:out'])
  const steps = stdout.split('\n').filter((line) => !/^Copying (blob|config) /.test(line))
  expect(steps).toEqual([
    'Getting image list signatures',
    'Copying 3 images generated from 3 images in list',
    ...list.children.flatMap(({ digest }, index) => [
      `Copying image ${digest} (${index + 1}/3)`,
      'Getting image source signatures',
      'Writing manifest to image destination',
    ]),
    'Writing manifest list to image destination',
    'Storing list signatures',
    '',
  ])
})

it('the lines of a copy of the list alone', async () => {
  const { stdout } = await user.run(['copy', '--multi-arch=index-only', 'oci:images:list', 'dir:out'])
  expect(stdout).toBe(
    'Getting image list signatures\nCopying 0 images generated from 3 images in list\n' +
      'Writing manifest list to image destination\nStoring list signatures\n',
  )
})

it('OBS-04: --digestfile has no newline', async () => {
  await user.run(['copy', '-q', '--digestfile=digest', 'oci:images:v1', 'dir:out'])
  expect(await readFile(join(user.home, 'digest'), 'utf8')).toBe(image.root.digest)
})

it('OBS-06: --preserve-digests beats --format', async () => {
  const words = ['copy', '-q', '--preserve-digests', '--format=v2s2', 'oci:images:v1', 'dir:out']
  expect((await user.run(words)).code).toBe(0)
  expect(await readFile(join(user.home, 'out/manifest.json'), 'utf8')).toContain(mediaTypes.ociManifest)
})

it('OBS-07: --dest-compress is for directories', async () => {
  const { code, stderr } = await user.run(['copy', '-q', '--dest-compress', 'oci:images:v1', 'oci:out:1'])
  expect(code).toBe(0)
  expect(stderr).toContain(`level=warning msg="--dest-compress can only be used if the destination transport is 'dir'"`)
})

it('OBS-08: a directory of something else is left alone', async () => {
  await mkdir(join(user.home, 'mine'))
  await writeFile(join(user.home, 'mine/thesis.txt'), 'x')
  expect(fatalMessage(await user.run(['copy', 'oci:images:v1', 'dir:mine']))).toContain(
    "not a containers image directory, don't want to overwrite important data",
  )
})

describe('retries', () => {
  const manifest: ScriptedAnswer = {
    status: 200,
    body: image.root.bytes,
    headers: { 'content-type': image.root.mediaType },
  }

  it('OBS-09: of a registry that fails for a while', async () => {
    let failures = 2
    await using registry = await startScriptedRegistry(() => (failures-- > 0 ? { status: 503 } : manifest))
    const name = `docker://${registry.host}/a:1`
    const words = ['inspect', '--raw', '--tls-verify=false', '--retry-times=3', '--retry-delay=10ms', name]
    const { code, stderr } = await user.run(words)
    expect(code).toBe(0)
    const problem = `reading manifest 1 in ${registry.host}/a: received unexpected HTTP status: 503 Service Unavailable`
    expect(stderr.replaceAll(/time="[^"]*" /g, '')).toBe(
      [1, 2].map((n) => `level=warning msg="Failed, retrying in 10ms ... (${n}/3). Error: ${problem}"\n`).join(''),
    )
  })

  it('none with --retry-times 0', async () => {
    await using registry = await startScriptedRegistry(() => ({ status: 503 }))
    const words = ['inspect', '--raw', '--tls-verify=false', '--retry-times=0', `docker://${registry.host}/a:1`]
    expect((await user.run(words)).code).toBe(1)
    expect(registry.requests.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(1)
  })

  it.each<[string, ScriptedAnswer]>([
    ['500', { status: 500 }],
    ['MANIFEST_UNKNOWN', { status: 404, body: errorBody('MANIFEST_UNKNOWN', 'manifest unknown') }],
    ['DENIED', { status: 403, body: errorBody('DENIED', 'requested access to the resource is denied') }],
  ])('OBS-10: not after %s', async (_, answer) => {
    await using registry = await startScriptedRegistry(() => answer)
    const words = ['inspect', '--tls-verify=false', '--retry-times=3', '--retry-delay=10ms']
    const outcome = await user.run([...words, `docker://${registry.host}/a:1`])
    expect(outcome.code).not.toBe(0)
    expect(outcome.stderr).not.toContain('retrying')
  })

  it('OBS-10: not after a registry without TLS', async () => {
    await using registry = await startScriptedRegistry(() => manifest)
    const words = ['inspect', '--retry-times=3', '--retry-delay=10ms', `docker://${registry.host}/a:1`]
    const outcome = await user.run(words)
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain('server gave HTTP response to HTTPS client')
    expect(outcome.stderr).not.toContain('retrying')
  })

  // The registry names the wait here; 2 s, 4 s, … are those of a registry that names none.
  it('OBS-11: five attempts where there are too many requests', async () => {
    const busy = { status: 429, headers: { 'retry-after': '0' } }
    await using registry = await startScriptedRegistry(() => busy)
    const outcome = await user.run(['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/a:1`])
    expect(outcome.code).toBe(1)
    expect(registry.requests.filter(({ path }) => path === '/v2/a/manifests/1')).toHaveLength(5)
  })

  const config = image.blobs.find(({ role }) => role === 'config')!
  async function startRegistryWithTags(tags: ScriptedAnswer): ReturnType<typeof startScriptedRegistry> {
    const bytes = Buffer.concat(await Array.fromAsync(config.open()))
    return await startScriptedRegistry((_method, path) =>
      path.includes('/tags/') ? tags : path.includes('/manifests/') ? manifest : { status: 200, body: bytes },
    )
  }

  it('OBS-12: tags that may not be listed are null', async () => {
    await using registry = await startRegistryWithTags({ status: 403, body: errorBody('DENIED', 'no') })
    const { code, stdout, stderr } = await user.run(['inspect', '--tls-verify=false', `docker://${registry.host}/a:1`])
    expect(code).toBe(0)
    expect(stderr).toContain('level=warning msg="Registry disallows tag list retrieval; skipping"')
    expect(JSON.parse(stdout)).toMatchObject({ RepoTags: null })
  })

  it('OBS-13: the list of tags is not tried again', async () => {
    await using registry = await startRegistryWithTags({ status: 503 })
    const words = ['inspect', '--tls-verify=false', '--retry-times=3', '--retry-delay=10ms']
    const outcome = await user.run([...words, `docker://${registry.host}/a:1`])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).not.toContain('retrying')
    expect(fatalMessage(outcome)).toContain('Error determining repository tags: ')
    expect(registry.requests.filter(({ path }) => path.includes('/tags/'))).toHaveLength(1)
  })
})

it('OBS-26: big files are put aside in --tmpdir, which has to be there, and not in TMPDIR', async () => {
  const words = ['copy', '-q', 'oci:images:v1', 'oci-archive:a.tar']
  expect((await user.run(words, { env: { TMPDIR: '/nonexistent' } })).code).toBe(0)
  const outcome = await user.run(['--tmpdir=/nonexistent', ...words])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toBe('creating temp directory: access /nonexistent: no such file or directory')
})
