import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Fault, SeenRequest } from './faulty-registry.ts'
import { mebibyte } from './image.ts'
import { interrupt } from './interrupt.ts'
import { expectUntouched, readPlace, type PlaceKind } from './place.ts'
import { createScene, onlyFatalMessage, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

const isPing = ({ path }: SeenRequest): boolean => path === '/v2/'
const isManifest = ({ path }: SeenRequest): boolean => path.includes('/manifests/')
const isLayer = ({ path }: SeenRequest): boolean => path.endsWith(scene.layer.digest)

/** `Retry-After` keeps the waiting short. */
function status(code: number): Fault {
  return { kind: 'answer', status: code, headers: { 'retry-after': '0' } }
}

/** Copies from a registry with a fault, which has to fail and to leave nothing, and again once it works. */
async function expectFailure(
  fault: Fault,
  concerned: (request: SeenRequest) => boolean,
  { kind = 'oci', flags = [] }: { readonly kind?: PlaceKind; readonly flags?: readonly string[] } = {},
): Promise<{ readonly code: number | null; readonly message: string; readonly floodedBytes: number }> {
  await using registry = await scene.startFaulty()
  await using place = await scene.openPlace(kind, 'filled')
  const before = await readPlace(place)
  registry.inject = (request) => (concerned(request) ? fault : undefined)
  const outcome = await scene.user.run(scene.copyWords(registry.host, place, ...flags))
  const message = onlyFatalMessage(outcome)
  await expectUntouched(before, place)
  registry.inject = () => undefined
  await scene.user.succeed(scene.copyWords(registry.host, place))
  return { code: outcome.code, message, floodedBytes: registry.floodedBytes }
}

describe.concurrent('a registry that answers', () => {
  it.for([
    ['the ping', isPing, 403, /pinging container registry .*: StatusCode: 403, ""$/],
    ['the ping', isPing, 404, /pinging container registry .*: StatusCode: 404, ""$/],
    ['the ping', isPing, 429, /pinging container registry .*: StatusCode: 429, ""$/],
    [
      'the ping',
      isPing,
      500,
      /pinging container registry .*: received unexpected HTTP status: 500 Internal Server Error$/,
    ],
    [
      'the ping',
      isPing,
      503,
      /pinging container registry .*: received unexpected HTTP status: 503 Service Unavailable$/,
    ],
    ['for a manifest', isManifest, 401, /reading manifest 1 in .*\/app: authentication required$/],
    ['for a manifest', isManifest, 403, /reading manifest 1 in .*\/app: StatusCode: 403, ""$/],
    ['for a manifest', isManifest, 404, /reading manifest 1 in .*\/app: StatusCode: 404, ""$/],
    ['for a manifest', isManifest, 429, /reading manifest 1 in .*\/app: StatusCode: 429, ""$/],
    ['for a manifest', isManifest, 500, /reading manifest 1 in .*: received unexpected HTTP status: 500/],
    ['for a manifest', isManifest, 503, /reading manifest 1 in .*: received unexpected HTTP status: 503/],
    ['for a layer', isLayer, 401, /reading blob .*: fetching blob: authentication required$/],
    ['for a layer', isLayer, 403, /reading blob .*: fetching blob: StatusCode: 403, ""$/],
    ['for a layer', isLayer, 404, /reading blob .*: fetching blob: StatusCode: 404, ""$/],
    ['for a layer', isLayer, 429, /reading blob .*: fetching blob: StatusCode: 429, ""$/],
    ['for a layer', isLayer, 500, /reading blob .*: fetching blob: received unexpected HTTP status: 500/],
    ['for a layer', isLayer, 503, /reading blob .*: fetching blob: received unexpected HTTP status: 503/],
  ] as const)('%s with %3$i', async ([, concerned, code, message]) => {
    const failure = await expectFailure(status(code), concerned)
    expect(failure).toMatchObject({ code: 1, message: expect.stringMatching(message) })
  })
})

describe.concurrent('a manifest', () => {
  it.for([
    ['announced', false],
    ['not announced', true],
  ] as const)('of 1 GiB, its length %s, is not read', async ([, isChunked]) => {
    const fault: Fault = { kind: 'flood', bytes: 1024 * mebibyte, isChunked }
    const { code, message, floodedBytes } = await expectFailure(fault, isManifest)
    expect(code).toBe(1)
    expect(message).toMatch(/exceeded maximum allowed size of 4194304 bytes$/)
    // What fits into the buffers of two sockets is sent whether anybody reads it or not.
    expect(floodedBytes).toBeLessThan(32 * mebibyte)
  })

  it('that is no JSON is turned down', async () => {
    const fault: Fault = { kind: 'rewrite', body: () => Buffer.from('<html>Welcome!</html>') }
    expect(await expectFailure(fault, isManifest)).toMatchObject({ code: 1 })
  })

  it('of another digest than asked for is turned down', async () => {
    await using registry = await scene.startFaulty()
    await using place = await scene.openPlace('dir', 'new')
    registry.inject = (request) =>
      isManifest(request) ? { kind: 'rewrite', body: (real) => Buffer.concat([real, Buffer.from('\n')]) } : undefined
    const byTag = `docker://${registry.host}/app:1`
    const byDigest = `docker://${registry.host}/app@${scene.image.root.digest}`
    const words = scene.copyWords(registry.host, place).map((word) => (word === byTag ? byDigest : word))
    const outcome = await scene.user.run(words)
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(/[Mm]anifest does not match provided manifest digest sha256:/)
    expect(await readPlace(place)).toEqual({})
  })
})

describe.concurrent('a registry that never answers', () => {
  const stall: Fault = { kind: 'break', how: 'stall', afterBytes: 10_000 }
  const cases = [
    ['the ping', isPing, { kind: 'silence' }],
    ['for a manifest', isManifest, { kind: 'silence' }],
    ['for a layer', isLayer, { kind: 'silence' }],
    ['for a layer to its end', isLayer, stall],
  ] as const

  it.for(cases)('%s is given up by --command-timeout', async ([, concerned, fault]) => {
    const { code, message } = await expectFailure(fault, concerned, { flags: ['--command-timeout=2s'] })
    expect(code).toBe(1)
    expect(message).toMatch(/context deadline exceeded$/)
  })

  it.for(cases)('%s is given up by Ctrl-C', async ([, concerned, fault]) => {
    await using registry = await scene.startFaulty()
    await using place = await scene.openPlace('oci', 'filled')
    const before = await readPlace(place)
    registry.inject = (request) => (concerned(request) ? fault : undefined)
    const words = scene.copyWords(registry.host, place)
    const outcome = await interrupt(scene.user, words, { signal: 'SIGINT', when: () => registry.struck })
    expect(outcome.code).toBe(130)
    expect(onlyFatalMessage(outcome)).toMatch(/interrupted by SIGINT$/)
    await expectUntouched(before, place)
  })
})
