import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { FaultyRegistry } from './faulty-registry.ts'
import { mebibyte } from './image.ts'
import { interrupt } from './interrupt.ts'
import { expectRecoverable, expectUntouched, expectWhole, isLeftover, readPlace, type Place } from './place.ts'
import { createScene, onlyFatalMessage, placeStates, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

/** A registry that stops in the middle of the layer. */
async function startStalling(): Promise<FaultyRegistry> {
  const registry = await scene.startFaulty()
  registry.inject = ({ path }) =>
    path.endsWith(scene.layer.digest) ? { kind: 'break', how: 'stall', afterBytes: 2.5 * mebibyte } : undefined
  return registry
}

async function expectSuccess(registry: FaultyRegistry, place: Place): Promise<void> {
  registry.inject = () => undefined
  await scene.user.succeed(scene.copyWords(registry.host, place))
  const after = await readPlace(place)
  expect(Object.keys(after).filter((path) => !isLeftover(path))).not.toEqual([])
  expectWhole(after)
}

describe.concurrent.each(placeStates)('on a copy to a %s that is %s', (kind, state) => {
  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s leaves nothing behind', async ([signal, expected]) => {
    await using registry = await startStalling()
    await using place = await scene.openPlace(kind, state)
    const before = await readPlace(place)
    const words = scene.copyWords(registry.host, place)
    const outcome = await interrupt(scene.user, words, { signal, when: () => registry.struck })
    expect(outcome.code).toBe(expected)
    expect(onlyFatalMessage(outcome)).toMatch(new RegExp(`interrupted by ${signal}$`))
    await expectUntouched(before, place)
    await expectSuccess(registry, place)
  })

  it('SIGKILL leaves nothing that disturbs', async () => {
    await using registry = await startStalling()
    await using place = await scene.openPlace(kind, state)
    const before = await readPlace(place)
    const hasBegun = async (): Promise<void> => {
      await registry.struck
      await vi.waitFor(async () => expect(Object.keys(await readPlace(place)).some(isLeftover)).toBe(true), 20_000)
    }
    const words = scene.copyWords(registry.host, place)
    const outcome = await interrupt(scene.user, words, { signal: 'SIGKILL', when: hasBegun })
    expect(outcome).toMatchObject({ code: null, endedBy: 'SIGKILL', output: '' })
    await expectRecoverable(before, place)
    await expectSuccess(registry, place)
  })
})

it('leaves no temporary files', async () => {
  expect(await scene.leftTemporary()).toEqual([])
})
