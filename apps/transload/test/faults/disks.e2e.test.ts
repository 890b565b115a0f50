import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { expectUntouched, expectWhole, placeKinds, readPlace } from './place.ts'
import { createScene, onlyFatalMessage, placeStates, type Scene } from './scene.ts'

const run = promisify(execFile)

/** A small file system of its own. Disposing unmounts it. */
interface Disk extends AsyncDisposable {
  readonly directory: string
  remount(options: string): Promise<void>
}

async function mountDisk(options: string): Promise<Disk> {
  const directory = await mkdtemp(join(tmpdir(), 'transload-disk-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
  } catch (error) {
    await rm(directory, { recursive: true })
    throw error
  }
  return {
    directory,
    remount: async (changed) => void (await run('mount', ['-o', `remount,${changed}`, directory])),
    [Symbol.asyncDispose]: async () => {
      // Lazily, for a registry that has just been closed may have files open still.
      await run('umount', ['-l', directory])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function canMount(): Promise<boolean> {
  try {
    await using _disk = await mountDisk('size=64k')
    return true
  } catch {
    return false
  }
}

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

describe.skipIf(!(await canMount()))('a disk of its own (needs root, to mount it)', () => {
  it.concurrent.for(placeStates)('that is full fails a copy to a %s that is %s', async ([kind, state]) => {
    await using disk = await mountDisk('size=2m')
    await using place = await scene.openPlace(kind, state, disk.directory)
    const before = await readPlace(place)
    const words = scene.copyWords(scene.registry.host, place)
    const outcome = await scene.user.run(words)
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(
      kind === 'docker'
        ? /writing blob: uploading layer to .* status: 5\d\d/
        : /writing blob: .*no space left on device/,
    )
    await expectUntouched(before, place)

    await disk.remount('size=32m')
    await scene.user.succeed(words)
    expectWhole(await readPlace(place))
  })

  it.concurrent.for(placeKinds)('that is read-only fails a copy to a %s', async (kind) => {
    await using disk = await mountDisk('size=32m')
    await using place = await scene.openPlace(kind, kind === 'docker-archive' ? 'new' : 'filled', disk.directory)
    const before = await readPlace(place)
    await disk.remount('ro')
    const words = scene.copyWords(scene.registry.host, place)
    const outcome = await scene.user.run(words)
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(kind === 'docker' ? /status: 5\d\d/ : /read-only file system/)
    await expectUntouched(before, place)

    await disk.remount('rw')
    await scene.user.succeed(words)
    expectWhole(await readPlace(place))
  })

  it.concurrent('that is full says so when it was to take temporary files', async () => {
    await using disk = await mountDisk('size=2m')
    await using place = await scene.openPlace('docker-archive', 'new')
    const pipe = { ...place, name: 'docker-archive:/dev/null' }
    const outcome = await scene.user.run(scene.copyWords(scene.registry.host, pipe, `--tmpdir=${disk.directory}`))
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(
      new RegExp(`writing blob: write ${disk.directory}/container_images_[\\w-]+: no space left on device$`),
    )
    expect(outcome.stderr).toContain('--tmpdir')
    expect(await readdir(disk.directory)).toEqual([])
  })
})

it('leaves no temporary files', async () => {
  expect(await scene.leftTemporary()).toEqual([])
})
