import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parseManifest, rawManifest } from '@transload/contract'
import { peer, processOutput, requirePeers } from '@transload/peers'
import { buildSif, type SifObject } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, type User } from '../run-cli.ts'

const missing = requirePeers('skopeo-host', 'mksquashfs', 'fakeroot')

const definition = '%environment\n  export A=1\n%post\n  true\n%runscript\n  echo "hi"\n  exec $@\n'

let user: User
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  const root = join(user.home, 'root')
  await mkdir(join(root, 'etc'), { recursive: true })
  await writeFile(join(root, 'etc/motd'), 'hello', { mode: 0o640 })
  await symlink('motd', join(root, 'etc/link'))
  const packed = join(user.home, 'root.squashfs')
  await processOutput(peer('mksquashfs').command, [root, packed, '-quiet', '-no-progress'])
  const squashfs: SifObject = { type: 'squashfs', bytes: await readFile(packed) }
  await writeFile(join(user.home, 'plain.sif'), buildSif([squashfs]))
  const defined: SifObject = { type: 'definition', bytes: Buffer.from(definition) }
  await writeFile(join(user.home, 'defined.sif'), buildSif([defined, squashfs]))
  await user.succeed(['copy', '-q', 'sif:defined.sif', 'dir:D'])
}, 60_000)
afterAll(() => user?.[Symbol.asyncDispose]())

function hidden(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}|"size":\d+/g, '…')
}

/** The config without what follows from the layer's digest, and the names and modes in the layer, sorted. */
async function readImage(directory: string): Promise<{ config: string; manifest: string; entries: readonly string[] }> {
  const path = join(user.home, directory)
  const bytes = await readFile(join(path, 'manifest.json'))
  const parsed = parseManifest(rawManifest(bytes))
  if (parsed.kind !== 'image') throw new Error('not an image')
  const { config, layers } = parsed
  const [layer] = layers
  const file = (digest: string): string => join(path, digest.slice('sha256:'.length))
  const { stdout } = await processOutput('tar', ['--numeric-owner', '-tvf', file(layer!.digest)])
  const entries = stdout.trimEnd().split('\n')
  return {
    config: hidden(await readFile(file(config.digest), 'utf8')),
    manifest: hidden(bytes.toString()),
    entries: entries.map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, '')).sort(),
  }
}

describe.skipIf(missing)(`sif: ${missing ?? ''}`, () => {
  test('CPY-58: a SIF file becomes a dir', async () => {
    expect(await readdir(join(user.home, 'D'))).toContain('manifest.json')
  })

  test('INS-24: the architecture', async () => {
    expect(await user.succeed(['inspect', 'dir:D', '--format', '{{.Architecture}}'])).toBe('amd64\n')
  })

  test.each(['plain', 'defined'])('%s.sif becomes what skopeo makes of it, every time the same', async (name) => {
    const from = `sif:${join(user.home, name)}.sif`
    const theirs = ['--insecure-policy', 'copy', '-q', from, `dir:${join(user.home, name)}-theirs`]
    expect(await peer('skopeo-host').run(theirs, { cwd: user.home })).toMatchObject({ code: 0 })
    for (const to of [`${name}-1`, `${name}-2`]) await user.succeed(['copy', '-q', from, `dir:${to}`])
    expect(await readImage(`${name}-1`)).toEqual(await readImage(`${name}-theirs`))
    const manifests = [`${name}-1`, `${name}-2`].map((to) => readFile(join(user.home, to, 'manifest.json'), 'utf8'))
    expect(new Set(await Promise.all(manifests)).size).toBe(1)
  })
})
