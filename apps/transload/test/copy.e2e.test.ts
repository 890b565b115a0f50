import { once } from 'node:events'
import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

import { digestOf, mediaTypes } from '@transload/contract'
import { fixtureImage, fixtureIndex } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { readTree } from './read-tree.ts'
import { createUser, fatalMessage, type User } from './run-cli.ts'
import { startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'
import { writeToLayout } from './write-image.ts'

const image = fixtureImage()

let user: User
beforeEach(async () => {
  user = await createUser()
  await writeToLayout(image, join(user.home, 'images'), 'v1')
})
afterEach(() => user[Symbol.asyncDispose]())

/** Has the image, but never finishes sending a blob. */
function startStallingRegistry(): Promise<ScriptedRegistry> {
  return startScriptedRegistry((_method, path) => {
    if (path.includes('/manifests/')) {
      return { status: 200, body: image.root.bytes, headers: { 'content-type': image.root.mediaType } }
    }
    const blob = image.blobs.find(({ descriptor }) => path.endsWith(descriptor.digest))
    return blob && { status: 200, body: 'x', stallsBefore: blob.descriptor.size! }
  })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

describe('--progress', () => {
  it('ndjson writes one event a line', async () => {
    const { stdout } = await user.run(['copy', '--progress=ndjson', 'oci:images:v1', 'dir:out'])
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(events[0]).toMatchObject({ type: 'planned', images: 1 })
    expect(events.at(-1)).toEqual({ type: 'done', digest: image.root.digest })
  })

  it('none writes nothing', async () => {
    expect(await user.run(['copy', '--progress=none', 'oci:images:v1', 'dir:out'])).toMatchObject({
      code: 0,
      output: '',
    })
  })

  it('tty draws bars', async () => {
    const { stdout } = await user.run(['copy', '--progress=tty', 'oci:images:v1', 'dir:out'])
    expect(stdout).toMatch(/Copying blob [0-9a-f]{12} done {3}\| \n/)
  })

  it('knows no other', async () => {
    const outcome = await user.run(['copy', '--progress=loud', 'oci:images:v1', 'dir:out'])
    expect(fatalMessage(outcome)).toBe('unknown progress mode "loud". Choose one of: tty, plain, ndjson, none')
  })
})

describe('--json', () => {
  it('writes the result alone to stdout', async () => {
    const { code, stdout, stderr } = await user.run(['copy', '--json', 'oci:images:v1', 'dir:out'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      source: 'oci:images:v1',
      destination: 'dir:out',
      digest: image.root.digest,
      mediaType: mediaTypes.ociManifest,
      blobs: { copied: 3, reused: 0, bytes: expect.any(Number) },
    })
  })

  it('sends progress that is asked for to stderr', async () => {
    const { stdout, stderr } = await user.run(['copy', '--json', '--progress=plain', 'oci:images:v1', 'dir:out'])
    expect(stderr).toContain('Getting image source signatures\n')
    expect(() => JSON.parse(stdout) as unknown).not.toThrow()
  })
})

it('--dry-run prints the plan and writes nothing', async () => {
  const { code, stdout } = await user.run(['copy', '--dry-run', 'oci:images:v1', 'dir:out'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ source: 'oci:images:v1', images: [{ layers: [{ edit: 'none' }, {}] }] })
  expect(await exists(join(user.home, 'out'))).toBe(false)
})

it('--digestfile that cannot be written is a failure, though the copy is done', async () => {
  const outcome = await user.run(['copy', '-q', '--digestfile=no/where', 'oci:images:v1', 'dir:out'])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain('Failed to write digest to file "no/where": open ')
  expect(await exists(join(user.home, 'out/manifest.json'))).toBe(true)
})

it('puts what the system says in the words of Go', async () => {
  await writeFile(join(user.home, 'file'), '')
  const outcome = await user.run(['copy', '-q', 'oci:images:v1', 'oci:file:v1'])
  const path = join(user.home, 'file/index.json')
  expect(fatalMessage(outcome)).toBe(`initializing destination oci:file:v1: stat ${path}: not a directory`)
})

it('is stopped by --command-timeout', async () => {
  await using registry = await startStallingRegistry()
  const source = `docker://${registry.host}/a:1`
  const outcome = await user.run(['copy', '--command-timeout=1s', '--src-tls-verify=false', source, 'dir:out'])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain('context deadline exceeded')
})

describe('a signal', () => {
  const layer = image.blobs.find(({ role }) => role === 'layer')!.descriptor

  // skopeo dies by the signal and leaves what it has written; this program cleans up, says so and exits as shells tell it.
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('OBS-28: %s stops the copy and leaves nothing behind', async (signal, expected) => {
    await using registry = await startStallingRegistry()
    const child = user.start(['copy', '--src-tls-verify=false', `docker://${registry.host}/a:1`, 'oci:out:1'])
    const stderr = text(child.stderr!)
    const exited = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout! })) {
      if (line.includes(layer.digest)) child.kill(signal)
    }
    const [code] = (await exited) as [unknown]
    expect(code).toBe(expected)
    expect(await stderr).toMatch(new RegExp(`level=fatal msg="[^\\n]*interrupted by ${signal}"\\n$`))
    expect(await readTree(join(user.home, 'out'))).toEqual({})
  })
})

it('copies between all transports without a change', async () => {
  const hops = ['dir:d', 'oci:o:1', 'oci-archive:a.tar:1', 'docker-archive:d.tar:app:1', 'oci:p:2']
  let from = 'oci:images:v1'
  for (const to of hops) {
    expect(await user.run(['copy', '-q', from, to])).toMatchObject({ code: 0, output: '' })
    from = to
  }
  const [first, last] = await Promise.all([
    user.run(['inspect', 'oci:images:v1']),
    user.run(['inspect', '--config', 'oci:p:2']),
  ])
  expect(JSON.parse(first.stdout)).toMatchObject({ Digest: image.root.digest })
  expect(JSON.parse(last.stdout)).toMatchObject({ rootfs: { diff_ids: [expect.any(String), expect.any(String)] } })
})

it('refuses what may not be copied to one place: a list to a docker-archive', async () => {
  await writeToLayout(fixtureIndex(), join(user.home, 'list'), 'v1')
  const outcome = await user.run(['copy', '--all', 'oci:list:v1', 'docker-archive:x.tar:a:1'])
  expect(fatalMessage(outcome)).toContain('does not support copying multiple images as a group')
  expect(await exists(join(user.home, 'x.tar'))).toBe(false)
})

it('finds a wrong digest', async () => {
  const path = join(user.home, 'images/blobs', image.blobs[0]!.descriptor.digest.replace(':', '/'))
  const bytes = await readFile(path)
  bytes[0]! ^= 1
  await writeFile(path, bytes)
  const outcome = await user.run(['copy', '--json', 'oci:images:v1', 'dir:out'])
  expect(outcome.code).toBe(1)
  expect(JSON.parse(outcome.stderr.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    error: { code: 'DIGEST_MISMATCH', side: 'source', message: expect.stringContaining(digestOf(bytes)) },
  })
})
