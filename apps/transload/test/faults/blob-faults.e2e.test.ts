import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Fault } from './faulty-registry.ts'
import { mebibyte } from './image.ts'
import { expectUntouched, expectWhole, readPlace } from './place.ts'
import { createScene, onlyFatalMessage, placeStates, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

const early = 64 * 1024

const faults: readonly (readonly [string, Fault, RegExp])[] = [
  [
    'resets the connection, each time anew',
    { kind: 'break', how: 'reset', afterBytes: early },
    /happened during read: .*connection reset by peer/,
  ],
  [
    'closes the connection, each time anew',
    { kind: 'break', how: 'close', afterBytes: early },
    /happened during read: .*EOF/,
  ],
  [
    'sends other content',
    { kind: 'rewrite', body: (real) => real.with(mebibyte, real[mebibyte]! ^ 1) as Buffer },
    /Digest did not match, expected sha256:\w+, got sha256:\w+$/,
  ],
  [
    'announces and sends less',
    { kind: 'rewrite', body: (real) => real.subarray(0, -1) },
    /the answer has \d+ bytes, expected \d+$/,
  ],
  [
    'sends less without an announcement',
    { kind: 'rewrite', isChunked: true, body: (real) => real.subarray(0, -1) },
    /Digest did not match, expected sha256:\w+, got sha256:\w+$/,
  ],
  [
    'sends more without an announcement',
    { kind: 'rewrite', isChunked: true, body: (real) => Buffer.concat([real, Buffer.alloc(1)]) },
    /Size of sha256:\w+ did not match, expected \d+, got more$/,
  ],
]

describe.concurrent.each(placeStates)('to a %s that is %s', (kind, state) => {
  it.for(faults)('a registry that %s half-way through a layer fails the copy', async ([, fault, message]) => {
    await using registry = await scene.startFaulty()
    await using place = await scene.openPlace(kind, state)
    const before = await readPlace(place)
    const words = scene.copyWords(registry.host, place)

    registry.inject = ({ path }) => (path.endsWith(scene.layer.digest) ? fault : undefined)
    const outcome = await scene.user.run(words)
    expect(outcome.code).toBe(1)
    expect(onlyFatalMessage(outcome)).toMatch(message)
    await expectUntouched(before, place)

    registry.inject = () => undefined
    await scene.user.succeed(words)
    const after = await readPlace(place)
    expect(after).not.toEqual(before)
    expectWhole(after)
  })
})

it('a connection that breaks once is replaced, and only the rest is asked for again', async () => {
  await using registry = await scene.startFaulty()
  await using place = await scene.openPlace('oci', 'new')
  let isBroken = false
  registry.inject = ({ path }) => {
    if (isBroken || !path.endsWith(scene.layer.digest)) return undefined
    isBroken = true
    return { kind: 'break', how: 'close', afterBytes: mebibyte }
  }
  const { code, stderr } = await scene.user.run(scene.copyWords(registry.host, place))
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      /^time="[^"]+" level=info msg="Reading blob body from .* reconnecting after \d+ bytes.*\n$/,
    ),
  })
  expect(registry.requests.filter(({ path }) => path.endsWith(scene.layer.digest))).toHaveLength(2)
  expectWhole(await readPlace(place))
})

it('leaves no temporary files', async () => {
  expect(await scene.leftTemporary()).toEqual([])
})
