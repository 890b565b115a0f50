import { setImmediate as nextTurn } from 'node:timers/promises'

import { collect, parseManifest, TransloadError, type Descriptor, type DestinationTraits } from '@transload/contract'
import { emptyLayer, fixtureImage, fixtureLayer, type FixtureImage } from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import { resolveCopyOptions, type CopyOptions } from './copy-options.ts'
import { planCopy } from './plan.ts'
import type { ImageManifest } from './select-images.ts'
import type { CopySession } from './session.ts'
import { transferBlobs } from './transfer.ts'

interface Place {
  readonly traits?: DestinationTraits
  readonly sourceConcurrency?: number
  readonly write?: (blob: { readonly digest?: string | undefined }) => Promise<void>
  readonly options?: CopyOptions
}

/** Copies an image nowhere, counting what happens at once and the waits between tries. */
async function transfer(image: FixtureImage, { traits = {}, sourceConcurrency, write, options = {} }: Place) {
  const seen = { writes: [] as (string | undefined)[], most: 0, delaysMs: [] as number[] }
  let running = 0
  const blobs = new Map(image.blobs.map((blob) => [blob.descriptor.digest, blob]))
  const reference = { scheme: 'test', text: 'image', policyScopes: [] }
  const dispose = { [Symbol.asyncDispose]: () => Promise.resolve() }
  const session: CopySession = {
    source: {
      reference,
      readManifest: () => Promise.resolve(image.root),
      readBlob: ({ digest }: Descriptor) => blobs.get(digest)!.open(),
      ...(sourceConcurrency === undefined ? {} : { concurrency: sourceConcurrency }),
      ...dispose,
    },
    destination: {
      reference,
      traits,
      writeBlob: async (blob) => {
        seen.writes.push(blob.digest)
        seen.most = Math.max(seen.most, ++running)
        try {
          await nextTurn()
          await write?.(blob)
          await collect(blob.body)
        } finally {
          running--
        }
      },
      writeManifest: () => Promise.resolve(),
      commit: () => Promise.resolve(),
      ...dispose,
    },
    options: resolveCopyOptions(options),
    delay: async (ms) => {
      seen.delaysMs.push(ms)
    },
    ...dispose,
  }
  const manifest = parseManifest(image.root) as ImageManifest
  const selected = { raw: image.root, manifest, layers: manifest.layers, signatures: [] }
  const plan = planCopy(
    { source: 'test:image', root: image.root, images: [selected] },
    session.destination,
    session.options,
  )
  const result = await transferBlobs(session, plan).catch((error: unknown) => error)
  return { ...seen, running, result }
}

const sixty = fixtureImage({ layers: Array.from({ length: 60 }, (_, index) => fixtureLayer(`layer ${index}`)) })

describe('concurrency', () => {
  it.each<[string, Place, number]>([
    ['sixteen by default', {}, 16],
    ['the option', { options: { concurrency: 9 } }, 9],
    ['the source', { sourceConcurrency: 2 }, 2],
    ['the destination', { traits: { concurrency: 3 }, sourceConcurrency: 5 }, 3],
    ['one', { traits: { concurrency: 1 } }, 1],
  ])('is limited by %s', async (_, place, limit) => {
    const { most, writes, result } = await transfer(sixty, place)
    expect(result).toMatchObject({ copied: 61, reused: 0 })
    expect(most).toBe(limit)
    expect(writes).toHaveLength(61)
  })

  it('is six for large blobs, beside the small config', async () => {
    const layers = Array.from({ length: 10 }, (_, index) => fixtureLayer(String(index).repeat(600 * 1024), 'none'))
    const { most, result } = await transfer(fixtureImage({ layers }), {})
    expect(result).toMatchObject({ copied: 11 })
    expect(most).toBe(7)
  })

  it('of one keeps the order of the image, its config last', async () => {
    const { writes } = await transfer(sixty, { traits: { concurrency: 1 } })
    const manifest = parseManifest(sixty.root) as ImageManifest
    expect(writes).toEqual([...manifest.layers, manifest.config].map(({ digest }) => digest))
  })
})

it('moves each distinct blob once', async () => {
  const image = fixtureImage({ layers: [emptyLayer(), fixtureLayer('a'), emptyLayer(), fixtureLayer('a')] })
  const { writes, result } = await transfer(image, {})
  expect(writes).toHaveLength(3)
  expect(result).toMatchObject({ copied: 3 })
})

describe('a blob that fails', () => {
  const [config] = sixty.blobs
  const failingOnce = (times: number, retryable: boolean): Place['write'] => {
    let left = times
    return ({ digest }) => {
      if (digest !== config!.descriptor.digest || left-- <= 0) return Promise.resolve()
      return Promise.reject(new TransloadError('NETWORK', 'connection reset', { retryable }))
    }
  }

  it('is tried four times, waiting longer each time', async () => {
    const { result, delaysMs } = await transfer(sixty, { write: failingOnce(3, true)! })
    expect(result).toMatchObject({ copied: 61 })
    expect(delaysMs).toEqual([500, 1000, 2000])
  })

  it('fails the copy at the fourth time', async () => {
    const { result, delaysMs, running } = await transfer(sixty, { write: failingOnce(4, true)! })
    expect(result).toMatchObject({ code: 'NETWORK', message: 'writing blob: connection reset', retryable: true })
    expect([delaysMs.length, running]).toEqual([3, 0])
  })

  it('is not tried again for a lasting reason', async () => {
    const { result, delaysMs } = await transfer(sixty, { write: failingOnce(1, false)! })
    expect(result).toMatchObject({ code: 'NETWORK' })
    expect(delaysMs).toEqual([])
  })

  it('stops the others, and is the one reported', async () => {
    const { result, writes, running } = await transfer(sixty, {
      write: async ({ digest }) => {
        throw new TransloadError('IO', `failed ${digest}`)
      },
    })
    const manifest = parseManifest(sixty.root) as ImageManifest
    expect(result).toMatchObject({ message: `writing blob: failed ${manifest.layers[0]!.digest}` })
    expect(writes.length).toBeLessThan(20)
    expect(running).toBe(0)
  })
})
