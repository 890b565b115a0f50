import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { expect } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'
import { startFaultyRegistry, type FaultyRegistry } from './faulty-registry.ts'
import { imageWithLayer } from './image.ts'
import { openPlace, placeKinds, type Place, type PlaceKind } from './place.ts'

/** A user, and the image that is to be copied, in a registry. Tests that share it may run at the same time. */
export interface Scene extends AsyncDisposable {
  readonly user: User
  readonly registry: RegistryServer
  /** Digests and sizes of the image's blobs; the layer is the large one. */
  readonly image: ReturnType<typeof imageWithLayer>['image']
  readonly layer: ReturnType<typeof imageWithLayer>['layer']
  /** A registry in front of that one which can be made to fail. */
  startFaulty(): Promise<FaultyRegistry>
  /** A place with nothing in it, or with another image; in a directory of its own unless one is given. */
  openPlace(kind: PlaceKind, state: 'new' | 'filled', parent?: string): Promise<Place>
  /** Words for a command that copies from `source` (`127.0.0.1:PORT`). */
  copyWords(source: string, to: Place, ...flags: string[]): readonly string[]
  /** Names of temporary files that are still there. */
  leftTemporary(): Promise<readonly string[]>
}

export async function createScene(): Promise<Scene> {
  await using undo = new AsyncDisposableStack()
  const user = undo.use(await createUser())
  const { image, layer } = imageWithLayer()
  const layout = join(user.home, 'app')
  const temporary = join(user.home, 'tmp')
  await mkdir(temporary)
  await writeToLayout(image, layout, '1')
  await writeToLayout(fixtureImage({ label: 'before' }), join(user.home, 'former'), '1')
  const registry = undo.use(await startRegistryServer({ directory: layout }))
  let count = 0
  const former = new Map<PlaceKind, Promise<string>>()

  /** A directory with the other image in it, to be copied: making it takes a run of the program. */
  async function makeFormer(kind: PlaceKind): Promise<string> {
    const directory = join(user.home, `former-${kind}`)
    await using place = await openPlace(kind, directory)
    await user.succeed(['copy', '-q', '--dest-tls-verify=false', `oci:former:1`, place.name])
    return directory
  }

  const held = undo.move()
  return {
    user,
    registry,
    image,
    layer,
    startFaulty: () => startFaultyRegistry(registry.host),
    async openPlace(kind, state, parent = user.home) {
      const directory = join(parent, `place-${kind}-${++count}`)
      if (state === 'filled') {
        const making = former.get(kind) ?? makeFormer(kind)
        former.set(kind, making)
        await cp(await making, directory, { recursive: true })
      }
      return await openPlace(kind, directory)
    },
    copyWords: (source, to, ...flags) => [
      'copy',
      '-q',
      `--tmpdir=${temporary}`,
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      ...flags,
      `docker://${source}/app:1`,
      to.name,
    ],
    leftTemporary: () => readdir(temporary),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Places a copy can go to. A docker-archive is never written over: that is refused before anything is read. */
export const placeStates: readonly (readonly [PlaceKind, 'new' | 'filled'])[] = [
  ...placeKinds.map((kind) => [kind, 'new'] as const),
  ...placeKinds.filter((kind) => kind !== 'docker-archive').map((kind) => [kind, 'filled'] as const),
]

/** The message of the one fatal line, which is the last; every other line is a log line too, so there is no stack trace. */
export function onlyFatalMessage(outcome: Outcome): string {
  const lines = outcome.stderr.trimEnd().split('\n')
  expect(lines.filter((line) => !/^time="[^"]+" level=(info|warning|fatal) msg=/.test(line))).toEqual([])
  expect(lines.filter((line) => line.includes(' level=fatal '))).toHaveLength(1)
  return fatalMessage(outcome)
}
