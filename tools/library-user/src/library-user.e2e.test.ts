import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { textOf } from '@transload/peers'
import { startRegistryServer } from '@transload/registry-server'
import { emptyCache, fixtureImage, storeImage } from '@transload/transport-conformance/fixtures'
import { registryTransport } from '@transload/transport-registry'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createProject } from './empty-project.ts'

const repository = join(import.meta.dirname, '../../..')
const chosen = ['@transload/core', '@transload/transport-oci', '@transload/transport-registry']

let directory: string
let project: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transload-library-user-'))
  project = join(directory, 'project')
  await createProject(project, chosen)
  for (const file of ['copy.ts', 'full-types.ts']) {
    await copyFile(join(import.meta.dirname, '../project', file), join(project, file))
  }
})
afterAll(() => rm(directory, { recursive: true }))

it('has the packages it chose and what they need, and nothing else of ours', async () => {
  expect((await readdir(join(project, 'node_modules/@transload'))).sort()).toEqual([
    'contract',
    'core',
    'formats',
    'transport-oci',
    'transport-registry',
  ])
})

it('copies an image from a registry to a layout', async () => {
  const image = fixtureImage()
  await using server = await startRegistryServer({ directory: join(directory, 'registry') })
  const name = `docker://${server.host}/team/app:1`
  await store(image, name)
  const layout = join(directory, 'layout')
  const stdout = await textOf(process.execPath, ['copy.ts', name, `oci:${layout}:app`], { cwd: project })
  expect(stdout).toBe(`${image.root.digest}\n`)
  const blobs = await readdir(join(layout, 'blobs/sha256'))
  expect(blobs).toHaveLength(image.blobs.length + 1)
  expect(await readFile(join(layout, 'index.json'), 'utf8')).toContain(image.root.digest)
})

it('is checked against full types, and so is the example of the README', async () => {
  const readme = await readFile(join(repository, 'README.md'), 'utf8')
  const [, example] = /```ts\n(.*?)```/s.exec(readme) ?? []
  await writeFile(join(project, 'readme.ts'), example ?? '')
  expect(example).toContain('copyImage')
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax']
  const flags = ['--noEmit', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable']
  const words = [...flags, ...strict, '--types', 'node', '--skipLibCheck', 'false']
  expect(await textOf('tsc', [...words, 'copy.ts', 'full-types.ts', 'readme.ts'], { cwd: project })).toBe('')
})

async function store(image: ReturnType<typeof fixtureImage>, name: string): Promise<void> {
  const transport = registryTransport({ verifyTls: false })
  const reference = transport.parse(name.slice('docker:'.length), '/')
  const options = { cache: emptyCache(), tempDirectory: directory, log: () => undefined }
  try {
    await using destination = await transport.openDestination!(reference, options)
    await storeImage(destination, image)
  } finally {
    await transport.close()
  }
}
