import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  digestHex,
  digestOf,
  parseManifest,
  rawManifest,
  type ImageDestination,
  type ImageSource,
  type OpenOptions,
} from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  outgoingBlob,
  storeImage,
  writeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import dirTransport from './index.ts'

const openOptions: OpenOptions = {
  cache: {
    locations: async () => [],
    rememberLocation: async () => {},
    uncompressed: async () => undefined,
    rememberUncompressed: async () => {},
  },
  tempDirectory: '/nonexistent',
  log: () => {},
}
const base = fixtureLayer('base')
const one = fixtureImage({ layers: [base, fixtureLayer('one')], label: 'one' })
const two = fixtureImage({ format: 'docker', layers: [base, fixtureLayer('two')], label: 'two' })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp('/tmp/transport-dir-test-')
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

describe('writing', () => {
  it('makes the files skopeo makes', async () => {
    await store(one, 'image')
    expect(await filesOf('image')).toEqual(expectedFiles(one))
    expect(await read('image/version')).toBe('Directory Transport Version: 1.1\n')
    expect(await read('image/manifest.json')).toBe(Buffer.from(one.root.bytes).toString())
    const { mode } = await stat(join(directory, 'image/version'))
    expect(mode & 0o777).toBe(0o644)
  })

  it('puts the manifests of an index beside it', async () => {
    const index = fixtureIndex()
    await store(index, 'image')
    const instances = index.children.map(({ digest }) => `${digestHex(digest)}.manifest.json`)
    expect(await filesOf('image')).toEqual([...expectedFiles(index), ...instances].sort())
  })

  it('numbers signatures, those of an instance after its digest', async () => {
    const index = fixtureIndex()
    const child = index.children[0]!.digest
    {
      await using destination = await openDestination('image')
      await writeImage(destination, index)
      const bytes = Buffer.from('\xa3x', 'latin1')
      await destination.signatures!.replace(index.root.digest, [
        { kind: 'simple', bytes },
        { kind: 'simple', bytes },
      ])
      await destination.signatures!.replace(child, [{ kind: 'simple', bytes }])
      await destination.commit()
    }
    const files = await filesOf('image')
    expect(files.filter((name) => name.includes('signature'))).toEqual([
      `${digestHex(child)}.signature-1`,
      'signature-1',
      'signature-2',
    ])
    await using source = await openSource('image')
    expect(await source.signatures!.list(index.root.digest)).toHaveLength(2)
    expect(await source.signatures!.list(child)).toHaveLength(1)
    await store(index, 'image')
    expect((await filesOf('image')).filter((name) => name.includes('signature'))).toEqual([])
  })

  it('names the algorithm of a digest that is not sha256, in version 1.2', async () => {
    const content = Buffer.from('content')
    const digest = digestOf(content, 'sha512')
    const descriptor = { mediaType: 'application/x', digest, size: content.length }
    const manifest = rawManifest(Buffer.from('{"schemaVersion":2}'))
    {
      await using destination = await openDestination('image')
      await destination.writeBlob({ role: 'other', ...descriptor, body: streamOf(content), written: () => descriptor })
      await destination.writeManifest(manifest, { root: true })
      await destination.commit()
    }
    expect(await filesOf('image')).toEqual(['manifest.json', `sha512-${digestHex(digest)}`, 'version'])
    expect(await read('image/version')).toBe('Directory Transport Version: 1.2\n')
    await using source = await openSource('image')
    expect(Buffer.concat(await Array.fromAsync(source.readBlob(descriptor))).toString()).toBe('content')
  })

  it('leaves a former image as it is until the new one is complete', async () => {
    await store(one, 'image')
    const before = await filesOf('image')
    const destination = await openDestination('image')
    await writeImage(destination, two)
    await using source = await openSource('image')
    expect(await source.readManifest(undefined)).toEqual(one.root)
    await destination[Symbol.asyncDispose]()
    expect(await filesOf('image')).toEqual(before)
    await store(two, 'image')
    expect(await filesOf('image')).toEqual(expectedFiles(two))
  })

  it('keeps what is not part of the former image', async () => {
    await store(one, 'image')
    await writeFile(join(directory, 'image/notes.txt'), 'mine')
    await store(two, 'image')
    expect(await filesOf('image')).toEqual([...expectedFiles(two), 'notes.txt'].sort())
  })

  it('removes the directory it made for an image that was abandoned', async () => {
    const destination = await openDestination('image')
    await writeImage(destination, one)
    await destination[Symbol.asyncDispose]()
    expect(await readdir(directory)).toEqual([])
  })

  it('writes into an empty directory, through a link, and into the current directory', async () => {
    await mkdir(join(directory, 'empty'))
    await symlink('empty', join(directory, 'link'))
    const { ino } = await stat(join(directory, 'empty'))
    await store(one, 'link')
    expect(await filesOf('empty')).toEqual(expectedFiles(one))
    const transport = dirTransport()
    await using destination = await transport.openDestination!(
      transport.parse('', join(directory, 'empty')),
      openOptions,
    )
    await storeImage(destination, two)
    expect(await filesOf('empty')).toEqual(expectedFiles(two))
    expect((await stat(join(directory, 'empty'))).ino).toBe(ino)
  })

  it.each([
    ['a file that is no image', { 'report.txt': '' }],
    ['another version', { version: 'Directory Transport Version: 2.0\n' }],
    ['a version line with more after it', { version: 'Directory Transport Version: 1.1\n\n' }],
  ])('refuses a directory with %s', async (_, files) => {
    await mkdir(join(directory, 'image'))
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, 'image', name), content)
    await expect(openDestination('image')).rejects.toMatchObject({
      code: 'DESTINATION_EXISTS',
      message: "not a containers image directory, don't want to overwrite important data",
    })
  })

  it('refuses a file, and a path whose parent is missing', async () => {
    await writeFile(join(directory, 'file'), '')
    await expect(openDestination('file')).rejects.toMatchObject({ message: `open ${directory}/file: not a directory` })
    await expect(openDestination('no/image')).rejects.toMatchObject({
      code: 'IO',
      message: `lstat ${directory}/no: no such file or directory`,
    })
  })

  it('reuses what it stored itself, not what the former image left', async () => {
    await store(one, 'image')
    await using destination = await openDestination('image')
    const [blob] = one.blobs
    const reuse = { from: destination.reference, substitutes: false }
    expect(await destination.reuseBlob!(blob!.descriptor, reuse)).toBeUndefined()
    await destination.writeBlob(outgoingBlob(blob!))
    expect(await destination.reuseBlob!(blob!.descriptor, reuse)).toEqual(blob!.descriptor)
  })
})

describe('a process killed while it replaces images', { timeout: 30_000 }, () => {
  it.each([3, 8, 13])('leaves a whole one after %i times', async (times) => {
    await store(one, 'image')
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', replacingForever(join(directory, 'image'))],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const exited = once(child, 'exit')
    let done = 0
    for await (const chunk of child.stdout) {
      done += String(chunk).length
      if (done >= times) child.kill('SIGKILL')
    }
    await exited
    expect(await findDamage('image')).toEqual([])
    await store(one, 'image')
    expect(await findDamage('image')).toEqual([])
  })
})

describe('reading', () => {
  it('says what is missing', async () => {
    await expect(openSource('absent')).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: `open ${directory}/absent/manifest.json: no such file or directory`,
    })
  })

  it('does not look at the version', async () => {
    await mkdir(join(directory, 'image'))
    await writeFile(join(directory, 'image/manifest.json'), one.root.bytes)
    await using source = await openSource('image')
    expect(await source.readManifest(undefined)).toEqual(one.root)
  })
})

it('comes without options', () => {
  expect(() => dirTransport({ compress: true })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

async function openSource(text: string): Promise<ImageSource> {
  const transport = dirTransport()
  return await transport.openSource!(transport.parse(text, directory), openOptions)
}

async function openDestination(text: string): Promise<ImageDestination> {
  const transport = dirTransport()
  return await transport.openDestination!(transport.parse(text, directory), openOptions)
}

async function store(image: FixtureImage, text: string): Promise<void> {
  await using destination = await openDestination(text)
  await storeImage(destination, image)
}

/** Blobs named by the manifest that are not what they should be. Throws when there is no manifest, or no such blob. */
async function findDamage(text: string): Promise<readonly string[]> {
  await using source = await openSource(text)
  const manifest = parseManifest(await source.readManifest(undefined))
  const blobs = manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : []
  const contents = await Promise.all(blobs.map((blob) => Array.fromAsync(source.readBlob(blob))))
  return blobs
    .map(({ digest }) => digest)
    .filter((digest, index) => digestOf(Buffer.concat(contents[index]!)) !== digest)
}

/** A program that stores two images in turn, and prints a dot after each. */
function replacingForever(path: string): string {
  return `
    import dirTransport from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    import { fixtureImage, fixtureLayer, storeImage } from ${JSON.stringify(import.meta.resolve('@transload/transport-conformance/fixtures'))}
    const images = ['a', 'b'].map((label) => fixtureImage({
      label,
      layers: ['1', '2', '3', '4'].map((number) => fixtureLayer(label + number)),
    }))
    const transport = dirTransport()
    for (let round = 0; ; round += 1) {
      await using destination = await transport.openDestination(transport.parse(${JSON.stringify(path)}, '/'), {})
      await storeImage(destination, images[round % 2])
      process.stdout.write('.')
    }
  `
}

function expectedFiles(image: FixtureImage): string[] {
  return ['manifest.json', 'version', ...image.blobs.map(({ descriptor }) => digestHex(descriptor.digest))].sort()
}

async function filesOf(path: string): Promise<readonly string[]> {
  return (await readdir(join(directory, path))).sort()
}

async function read(path: string): Promise<string> {
  return await readFile(join(directory, path), 'utf8')
}

async function* streamOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}
