import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, copyFile, link, mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { peer } from './peer.ts'
import { debianRoot } from './peers-directory.ts'
import { textOf } from './process-output.ts'
import { testImage, testImageReference, type TestImageName } from './test-images.ts'

/** Makes an image in `directory`, which does not exist yet. `scratch` is an empty folder that is removed afterwards. */
export type Recipe = (directory: string, scratch: string) => Promise<void>

export const recipes: Readonly<Record<TestImageName, Recipe>> = {
  async base(directory, scratch) {
    const image = await newImage(directory)
    const oddities = join(scratch, 'oddities')
    await makeOddities(oddities)
    for (const part of [
      'etc',
      'usr/lib/x86_64-linux-gnu',
      'usr/lib/systemd',
      'usr/share/perl5',
      'usr/share/keyrings',
      'var/lib/dpkg',
    ]) {
      await insert(image, `${debianRoot()}/${part}`, `/${part}`)
    }
    await insert(image, oddities, '/opt/oddities')
    await peer('umoci').output(['insert', '--image', image, '--whiteout', '/etc/apt'])
    await insert(image, `${debianRoot()}/etc/default`, '/etc/default', '--opaque')
    await peer('umoci').output([
      'config',
      '--image',
      image,
      '--config.cmd',
      '/bin/sh',
      '--config.env',
      'PATH=/usr/bin:/bin',
    ])
  },
  async zstd(directory) {
    const compression = ['--dest-compress-format', 'zstd', '--dest-force-compress-format', '--dest-compress']
    await copy(testImage('base'), testImageReference('zstd', directory), ...compression)
  },
  async docker(directory) {
    await copy(testImage('base'), testImageReference('docker', directory), '--format', 'v2s2')
  },
  async 'index-oci'(directory, scratch) {
    await buildIndex(testImageReference('index-oci', directory), 'oci', scratch)
  },
  async 'index-docker'(directory, scratch) {
    await buildIndex(testImageReference('index-docker', directory), 'v2s2', scratch)
  },
  async runnable(directory, scratch) {
    const image = await newImage(directory)
    const system = join(scratch, 'system')
    for (const name of ['bin', 'lib', 'lib64']) {
      await mkdir(join(system, 'usr', name), { recursive: true })
      await symlink(`usr/${name}`, join(system, name))
    }
    await mkdir(join(system, 'usr/lib/x86_64-linux-gnu'))
    for (const file of [
      'usr/bin/dash',
      'usr/bin/cat',
      'usr/lib/x86_64-linux-gnu/libc.so.6',
      'usr/lib64/ld-linux-x86-64.so.2',
    ]) {
      await copyFile(join(debianRoot(), file), join(system, file)) // follows links
    }
    await symlink('dash', join(system, 'usr/bin/sh'))
    await writeFile(join(scratch, 'hello'), 'hello from a container\n')
    await insert(image, system, '/')
    await insert(image, join(scratch, 'hello'), '/hello')
    await peer('umoci').output([
      'config',
      '--image',
      image,
      '--config.cmd',
      'cat',
      '--config.cmd',
      '/hello',
      '--config.env',
      'PATH=/bin',
    ])
  },
  async repeated(directory, scratch) {
    const image = await newImage(directory)
    const empty = join(scratch, 'empty')
    await mkdir(empty)
    await utimes(empty, 0, 0)
    for (let count = 0; count < 6; count += 1) await insert(image, empty, '/empty')
  },
  small: (directory, scratch) => makeRandomLayers(directory, scratch, { layers: 3, bytes: 1_000_000 }),
  many: (directory, scratch) => makeRandomLayers(directory, scratch, { layers: 60, bytes: 100_000 }),
  async debian(directory) {
    const image = await newImage(directory)
    for (const part of ['etc', 'usr/bin', 'usr/lib', 'usr/libexec', 'usr/sbin', 'usr/share', 'var/lib', 'var/cache']) {
      await insert(image, `${debianRoot()}/${part}`, `/${part}`)
    }
  },
  large: (directory, scratch) => makeRandomLayers(directory, scratch, { layers: 1, bytes: 2 ** 30 }),
}

/** An image without layers, in a layout of its own. */
async function newImage(directory: string): Promise<string> {
  const image = `${directory}:latest`
  await peer('umoci').output(['init', '--layout', directory])
  await peer('umoci').output(['new', '--image', image])
  return image
}

/** One more layer, of what is in `source`. */
async function insert(image: string, source: string, target: string, ...flags: readonly string[]): Promise<void> {
  await peer('umoci').output(['insert', '--compress', 'gzip', ...flags, '--image', image, source, target])
}

async function copy(from: string, to: string, ...flags: readonly string[]): Promise<void> {
  await peer('skopeo').output(['--insecure-policy', 'copy', '--quiet', ...flags, from, to])
}

async function makeRandomLayers(
  directory: string,
  scratch: string,
  { layers, bytes }: { readonly layers: number; readonly bytes: number },
): Promise<void> {
  const image = await newImage(directory)
  for (let number = 0; number < layers; number += 1) {
    const file = join(scratch, `layer-${number}`)
    await pipeline(randomChunks(bytes), createWriteStream(file))
    await insert(image, file, `/data/layer-${number}`)
  }
}

function* randomChunks(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= 2 ** 20) yield randomBytes(Math.min(left, 2 ** 20))
}

/** What a tar reader must get right and seldom meets. */
async function makeOddities(directory: string): Promise<void> {
  const deep = join(directory, ...Array.from({ length: 4 }, (_, level) => `${level}`.repeat(80)))
  await mkdir(deep, { recursive: true })
  await writeFile(join(deep, `${'long name '.repeat(20)}.txt`), 'more than a ustar header holds\n')
  await writeFile(join(directory, 'ünïcödé – 名前'), 'not ASCII\n')
  await writeFile(join(directory, 'linked'), 'three names, one file\n')
  await link(join(directory, 'linked'), join(directory, 'linked again'))
  await link(join(directory, 'linked'), join(deep, 'linked from afar'))
  await symlink('../../etc/os-release', join(directory, 'symbolic'))
  await writeFile(join(directory, 'privileged'), '#!/bin/sh\n')
  await chmod(join(directory, 'privileged'), 0o4755)
  await writeFile(join(directory, 'with attributes'), 'extended attributes\n')
  await textOf('setfattr', ['-n', 'user.transload', '-v', 'a value', join(directory, 'with attributes')])
  await textOf('mkfifo', [join(directory, 'pipe')])
  await textOf('mknod', [join(directory, 'null'), 'c', '1', '3'])
  await writeFile(join(directory, 'empty'), '')
}

/** Three images that share a layer, and the index of them. */
async function buildIndex(reference: string, format: 'oci' | 'v2s2', scratch: string): Promise<void> {
  const store = ['--root', join(scratch, 'root'), '--runroot', join(scratch, 'run'), '--storage-driver', 'vfs']
  const buildah = async (...args: readonly string[]) => (await peer('buildah').output([...store, ...args])).trim()
  const shared = join(scratch, 'shared')
  await mkdir(shared)
  await writeFile(join(shared, 'data'), randomBytes(200_000))
  const list = 'localhost/index:latest'
  await buildah('manifest', 'create', list)
  const base = await buildah('from', 'scratch')
  await buildah('copy', base, shared, '/shared')
  const baseImage = await buildah('commit', base, 'localhost/base:latest')
  for (const platform of ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7']) {
    const [os = '', architecture = '', variant] = platform.split('/')
    const container = await buildah('from', '--pull=never', baseImage)
    const file = join(scratch, architecture)
    await writeFile(file, `${platform}\n`)
    await buildah('copy', container, file, '/architecture')
    const names = ['--os', os, '--arch', architecture, ...(variant === undefined ? [] : ['--variant', variant])]
    await buildah('config', ...names, '--cmd', '["/bin/sh"]', '--label', 'made=by-buildah', container)
    const flags = ['--format', format === 'oci' ? 'oci' : 'docker']
    const image = await buildah('commit', ...flags, container, `localhost/image-${architecture}:latest`)
    await buildah('manifest', 'add', ...names, list, `containers-storage:${image}`)
  }
  await buildah('manifest', 'push', '--all', '--format', format, list, reference)
}
