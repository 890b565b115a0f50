import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startFaultyRegistry, type Fault, type FaultyRegistry, type SeenRequest } from './faulty-registry.ts'
import { mebibyte } from './image.ts'
import { interrupt } from './interrupt.ts'
import { expectUntouched, expectWhole, readPlace, type Place } from './place.ts'
import { createScene, onlyFatalMessage, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

const isStart = ({ method }: SeenRequest): boolean => method === 'POST'
const isQuestion = ({ method, path }: SeenRequest): boolean => method === 'HEAD' && path.includes('/blobs/')
const isManifest = ({ method, path }: SeenRequest): boolean => method === 'PUT' && path.includes('/manifests/')
const isLayer = ({ method, path }: SeenRequest): boolean =>
  method === 'PUT' && path.includes('/uploads/') && path.includes(encodeURIComponent(scene.layer.digest))

function status(code: number): Fault {
  return { kind: 'answer', status: code, headers: { 'retry-after': '0' } }
}

interface Destination extends AsyncDisposable {
  readonly registry: FaultyRegistry
  /** What is behind it. */
  readonly place: Place
  readonly words: readonly string[]
}

async function openDestination(): Promise<Destination> {
  await using undo = new AsyncDisposableStack()
  const place = undo.use(await scene.openPlace('docker', 'filled'))
  const registry = undo.use(await startFaultyRegistry(place.name.slice('docker://'.length, -'/app:1'.length)))
  const words = scene.copyWords(scene.registry.host, { ...place, name: `docker://${registry.host}/app:1` })
  const held = undo.move()
  return { place, registry, words, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

async function expectSuccess({ registry, place, words }: Destination): Promise<void> {
  registry.inject = () => undefined
  await scene.user.succeed(words)
  expectWhole(await readPlace(place))
}

describe.concurrent('a registry that', () => {
  it.for<readonly [string, (request: SeenRequest) => boolean, Fault, RegExp]>([
    [
      'does not answer for a blob but with 500',
      isQuestion,
      status(500),
      /checking whether a blob sha256:.* status: 500/,
    ],
    ['opens no upload: 401', isStart, status(401), /initiating layer upload to .*: authentication required$/],
    ['opens no upload: 403', isStart, status(403), /initiating layer upload to .*: StatusCode: 403, ""$/],
    ['opens no upload: 404', isStart, status(404), /initiating layer upload to .*: StatusCode: 404, ""$/],
    ['opens no upload: 429', isStart, status(429), /initiating layer upload to .*: StatusCode: 429, ""$/],
    [
      'opens no upload: 503',
      isStart,
      status(503),
      /initiating layer upload to .*: received unexpected HTTP status: 503/,
    ],
    ['takes no layer: 413', isLayer, status(413), /writing blob: uploading layer to .*: StatusCode: 413, ""$/],
    ['takes no layer: 500', isLayer, status(500), /writing blob: uploading layer to .* status: 500/],
    [
      'resets the connection half-way through a layer, each time anew',
      isLayer,
      { kind: 'break-request', how: 'reset', afterBytes: mebibyte },
      /writing blob: Put .*(connection reset by peer|write: broken pipe)$/,
    ],
    ['takes no manifest: 400', isManifest, status(400), /uploading manifest 1 to .*: StatusCode: 400, ""$/],
    ['takes no manifest: 403', isManifest, status(403), /uploading manifest 1 to .*: StatusCode: 403, ""$/],
    ['takes no manifest: 429', isManifest, status(429), /uploading manifest 1 to .*: StatusCode: 429, ""$/],
    ['takes no manifest: 500', isManifest, status(500), /uploading manifest 1 to .* status: 500/],
  ])('%s fails the copy', async ([, concerned, fault, message]) => {
    await using destination = await openDestination()
    const { registry, place, words } = destination
    const before = await readPlace(place)
    registry.inject = (request) => (concerned(request) ? fault : undefined)
    const outcome = await scene.user.run(words)
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(message)
    await expectUntouched(before, place)
    await expectSuccess(destination)
  })

  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops reading a layer is given up by %s', async ([signal, expected]) => {
    await using destination = await openDestination()
    const { registry, place, words } = destination
    const before = await readPlace(place)
    registry.inject = (request) =>
      isLayer(request) ? { kind: 'break-request', how: 'stall', afterBytes: mebibyte } : undefined
    const outcome = await interrupt(scene.user, words, { signal, when: () => registry.struck })
    expect(outcome.code).toBe(expected)
    expect(onlyFatalMessage(outcome)).toMatch(new RegExp(`interrupted by ${signal}$`))
    await expectUntouched(before, place)
    await expectSuccess(destination)
  })

  it('stops reading a layer is given up by --command-timeout', async () => {
    await using destination = await openDestination()
    const { registry, place, words } = destination
    const before = await readPlace(place)
    registry.inject = (request) =>
      isLayer(request) ? { kind: 'break-request', how: 'stall', afterBytes: mebibyte } : undefined
    const outcome = await scene.user.run(['--command-timeout=3s', ...words])
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(/context deadline exceeded$/)
    await expectUntouched(before, place)
    await expectSuccess(destination)
  })
})
