import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestHex, parseManifest } from '@transload/contract'
import { fixtureImage, fixtureIndex, fixtureLayer } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { writeToLayout } from './write-image.ts'

const layer = fixtureLayer('twice')
const image = fixtureImage({ layers: [layer, fixtureLayer('once'), layer] })
const list = fixtureIndex()
const deprecation = 'DEPRECATED: transload layers is deprecated in favor of transload copy\n'

let user: User
beforeEach(async () => {
  user = await createUser()
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  await writeToLayout(list, join(user.home, 'images'), 'list')
})
afterEach(() => user[Symbol.asyncDispose]())

/** Names of the files in the one new directory. */
async function filesOf(): Promise<{ readonly path: string; readonly names: readonly string[] }> {
  const [name, ...others] = (await readdir(user.home)).filter((entry) => entry.startsWith('layers-'))
  if (name === undefined || others.length > 0) throw new Error('not one directory')
  const path = join(user.home, name)
  return { path, names: await readdir(path) }
}

it('gets all layers and the config', async () => {
  expect(await user.run(['layers', 'oci:images:v1'])).toMatchObject({ code: 0, stdout: '', stderr: deprecation })
  const { path, names } = await filesOf()
  const blobs = image.blobs.map(({ descriptor }) => digestHex(descriptor.digest))
  expect([...names].sort()).toEqual([...blobs, 'manifest.json', 'version'].sort())
  expect(await readFile(join(path, 'manifest.json'))).toEqual(Buffer.from(image.root.bytes))
})

it('gets those that are named, of the chosen image', async () => {
  const chosen = list.children[1]!
  const manifest = parseManifest(chosen)
  const digest = manifest.kind === 'image' ? manifest.layers[0]!.digest : undefined
  const words = ['--override-arch', 'arm64', 'layers', 'oci:images:list', digestHex(digest!)]
  expect(await user.run(words)).toMatchObject({ code: 0, stdout: '' })
  const { path, names } = await filesOf()
  expect([...names].sort()).toEqual([digestHex(digest!), 'manifest.json', 'version'])
  expect(await readFile(join(path, 'manifest.json'))).toEqual(Buffer.from(chosen.bytes))
})

it('finds out that a layer is not what it should be', async () => {
  const path = join(user.home, 'images/blobs/sha256', digestHex(layer.digest))
  const { length } = await readFile(path)
  await rm(path)
  await writeFile(path, Buffer.alloc(length))
  const outcome = await user.run(['layers', 'oci:images:v1'])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain(`Digest did not match, expected ${layer.digest}, got sha256:`)
  expect((await filesOf()).names).not.toContain('manifest.json')
})

it.each([
  [['layers'], 'Usage: layers imageReference [layer...]'],
  [['layers', 'oci:images:v1', '0'.repeat(64)], `the image has no blob sha256:${'0'.repeat(64)}`],
])('fails for %j', async (words, message) => {
  expect(fatalMessage(await user.run(words))).toBe(message)
})
