import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createTreeWithEmptyWorkspace } from '@nx/devkit/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import generateTransport from './transport-generator.mjs'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

test('in the repository it is a plugin that the root refers to', () => {
  const tree = emptyRepository()
  generateTransport(tree, { scheme: 'object-store' })
  const manifest = JSON.parse(tree.read('packages/transport-object-store/package.json', 'utf8'))
  expect(manifest.name).toBe('@transload/transport-object-store')
  expect(manifest.nx.tags).toEqual(['layer:plugin'])
  expect(manifest.transload).toEqual({ api: 1, transports: { 'object-store': '.' } })
  const root = JSON.parse(tree.read('tsconfig.json', 'utf8'))
  expect(root.references).toEqual([{ path: 'packages/contract' }, { path: 'packages/transport-object-store' }])
})

test('alone it refers to nothing of the repository', () => {
  const tree = emptyRepository()
  generateTransport(tree, { scheme: 's3', standalone: true })
  const text =
    tree.read('transload-transport-s3/package.json', 'utf8') + tree.read('transload-transport-s3/tsconfig.json', 'utf8')
  expect(text).not.toMatch(/workspace:|catalog:|extends|references/)
  expect(JSON.parse(tree.read('tsconfig.json', 'utf8')).references).toHaveLength(1)
})

test('a package that is there already is left alone', () => {
  const tree = emptyRepository()
  tree.write('packages/transport-s3/package.json', '{}')
  expect(() => generateTransport(tree, { scheme: 's3' })).toThrow('has a package.json already')
})

describe('the skeleton', () => {
  let folder = ''
  beforeAll(async () => {
    const tree = emptyRepository()
    generateTransport(tree, { scheme: 'object-store', standalone: true, directory: 'skeleton' })
    folder = await mkdtemp(join(tmpdir(), 'transload-nx-'))
    for (const { path, content } of tree.listChanges()) {
      const file = join(folder, relative('skeleton', path))
      if (relative(folder, file).startsWith('..')) continue // the workspace's own
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    }
    // this package depends on everything a skeleton does
    await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('compiles', async () => {
    expect(await outputOf('tsc', ['-p', folder, '--noEmit'])).toBe('')
  }, 60_000)

  test('lints', async () => {
    const lint = [
      '--type-aware',
      '--deny-warnings',
      '--config',
      join(repository, '.oxlintrc.json'),
      join(folder, 'src'),
    ]
    expect(await outputOf('oxlint', lint)).toContain('Found 0 warnings and 0 errors')
  }, 60_000)

  test('fails the contract suite on what is to be written', async () => {
    const output = await outputOf('vitest', ['run', '--root', folder, '--no-color'])
    expect(output).toContain('TODO: store the')
    expect(output).toMatch(/Tests +\d+ failed \| \d+ passed/)
  }, 60_000)
})

function emptyRepository() {
  const tree = createTreeWithEmptyWorkspace()
  tree.write('tsconfig.json', JSON.stringify({ references: [{ path: 'packages/contract' }] }))
  return tree
}

/** What a tool of the repository prints, whether it is content or not. */
function outputOf(tool, args) {
  const command = join(repository, 'node_modules/.bin', tool)
  return new Promise((resolve) => {
    execFile(command, args, { cwd: repository, env: { ...process.env, NO_COLOR: '1' } }, (_, stdout, stderr) => {
      resolve(stdout + stderr)
    })
  })
}
