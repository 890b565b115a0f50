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

const isChunk = ({ method }: SeenRequest): boolean => method === 'PATCH'
const isLargeBody = ({ bodyBytes }: SeenRequest): boolean => bodyBytes >= 2 * mebibyte
const reset: Fault = { kind: 'break-request', how: 'reset', afterBytes: mebibyte / 2 }

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
    ['takes no layer: 502', isLayer, status(502), /writing blob: uploading layer to .* status: 502/],
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

  it.for<readonly [string, (request: SeenRequest) => boolean, Fault, number]>([
    ['resets the connection half-way through a layer', isLayer, reset, 1],
    ['does so twice', isLayer, reset, 2],
    ['answers 500 to a layer', isLayer, status(500), 1],
    ['answers 502 to a layer, twice', isLayer, status(502), 2],
    ['does not take a body of 2 MiB and more: 413', isLargeBody, status(413), Number.POSITIVE_INFINITY],
    ['resets the connection within a chunk', isChunk, reset, 1],
    ['answers 500 to a chunk', isChunk, status(500), 1],
    ['answers 503 to a manifest', isManifest, status(503), 1],
    ['answers 429 to a manifest', isManifest, status(429), 1],
  ])('%s gets the image all the same', async ([, concerned, fault, count]) => {
    await using destination = await openDestination()
    const { registry, place, words } = destination
    let left = count
    registry.inject = (request) => {
      // Chunks there are only where large bodies are refused.
      if (concerned === isChunk && isLayer(request) && isLargeBody(request)) return status(413)
      return concerned(request) && left-- > 0 ? fault : undefined
    }
    expect((await scene.user.run(words)).code).toBe(0)
    expectWhole(await readPlace(place))
  })

  it('loses an upload in the middle gets the layer anew', async () => {
    await using destination = await openDestination()
    const { registry, place, words } = destination
    let breaks = 1
    registry.inject = (request) => {
      if (isLayer(request) && breaks-- > 0) return reset
      return request.method === 'GET' && request.path.includes('/uploads/') ? status(404) : undefined
    }
    expect((await scene.user.run(words)).stderr).toContain('trying again (1/3)')
    expectWhole(await readPlace(place))
    expect(registry.requests.filter(isLayer)).toHaveLength(2)
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
