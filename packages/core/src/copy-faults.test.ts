import { once } from 'node:events'

import {
  collect,
  TransloadError,
  type ImageDestination,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
  type Transport,
} from '@transload/contract'
import { fixtureImage, fixtureIndex, memoryTransport, storeImage } from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyOptions } from './copy-options.ts'
import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'

const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }
const image = fixtureImage({ label: 'new' })
const [, layer] = image.blobs
const before = fixtureImage({ label: 'before' })

type Replacement<T> = (real: T) => Partial<T>

const bothEnds = ['destination', 'source']
/** Both ends were closed, once, and the old image is still there. */
const untouched = { image: before.root.digest, opened: bothEnds, closed: bothEnds }
/** The same, where the copy failed before it was known what is copied. */
const unopened = { ...untouched, opened: ['source'], closed: ['source'] }

/** Two memories, the second holding an image already; members of either end can be replaced. */
class Scene {
  readonly opened: string[] = []
  readonly closed: string[] = []
  readonly #from = memoryTransport()
  readonly #to = memoryTransport()

  static async create(source = image): Promise<Scene> {
    const scene = new Scene()
    await store(scene.#from, source)
    await store(scene.#to, before)
    return scene
  }

  async copy(
    ends: { readonly source?: Replacement<ImageSource>; readonly destination?: Replacement<ImageDestination> },
    options: CopyOptions = {},
  ): Promise<unknown> {
    const from = this.#watched(this.#from, ends)
    const to = this.#watched(this.#to, ends)
    return await copyImage(from, to, options).catch((error: unknown) => error)
  }

  /** What there is to see afterwards. */
  async outcome(): Promise<object> {
    const { transport, reference } = located(this.#to)
    await using source = await transport.openSource!(reference, open)
    const { digest } = await source.readManifest(undefined)
    return { image: digest, closed: this.closed.toSorted(), opened: this.opened.toSorted() }
  }

  #watched(
    real: Transport,
    { source, destination }: { source?: Replacement<ImageSource>; destination?: Replacement<ImageDestination> },
  ): Located {
    const watch = <T extends ImageSource | ImageDestination>(side: string, end: T, replaced: Partial<T> = {}): T => {
      this.opened.push(side)
      const close = (): Promise<void> => {
        this.closed.push(side)
        return Promise.resolve()
      }
      return new Proxy(end, {
        get: (target, key) => {
          if (key === Symbol.asyncDispose) return close
          const value = (key in replaced ? replaced : target)[key as keyof T]
          return typeof value === 'function' ? value.bind(key in replaced ? replaced : target) : value
        },
      })
    }
    return located({
      ...real,
      openSource: async (...given) => {
        const end = await real.openSource!(...given)
        return watch('source', end, source?.(end))
      },
      openDestination: async (...given) => {
        const end = await real.openDestination!(...given)
        return watch('destination', end, destination?.(end))
      },
    })
  }
}

function located(transport: Transport): Located {
  return { transport, reference: transport.parse('image', '/') }
}

async function store(transport: Transport, what: typeof image): Promise<void> {
  const { reference } = located(transport)
  await using destination = await transport.openDestination!(reference, open)
  await storeImage(destination, what)
}

/** Replaces the bytes of one layer. */
function reading(change: (real: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>): Replacement<ImageSource> {
  return (real) => ({
    readBlob: (blob, options) =>
      blob.digest === layer!.descriptor.digest ? change(real.readBlob(blob, options)) : real.readBlob(blob, options),
  })
}

async function* failing(message: string): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error(message))
}

describe('a source', () => {
  it.each<[string, Replacement<ImageSource>, object]>([
    [
      'lies about content',
      reading(async function* (real) {
        yield (await collect(real)).map((byte) => byte ^ 1)
      }),
      {
        code: 'DIGEST_MISMATCH',
        message: /^writing blob: happened during read: Digest did not match, expected sha256:\w+, got sha256:\w+$/,
      },
    ],
    [
      'ends early',
      reading(async function* (real) {
        yield (await collect(real)).subarray(0, -1)
      }),
      { code: 'DIGEST_MISMATCH', message: /Digest did not match/ },
    ],
    [
      'goes on too long',
      reading(async function* (real) {
        yield* real
        for (;;) yield Buffer.alloc(1024)
      }),
      { code: 'SIZE_MISMATCH', message: /^writing blob: happened during read: Size of sha256:/ },
    ],
    [
      'fails half-way',
      reading(async function* (real) {
        yield (await collect(real)).subarray(0, 50)
        yield* failing('the connection broke')
      }),
      { code: 'IO', message: /^writing blob: happened during read: the connection broke$/ },
    ],
    [
      'fails after the last byte',
      reading(async function* (real) {
        yield* real
        yield* failing('the last moment')
      }),
      { code: 'IO', message: /happened during read: the last moment$/ },
    ],
    [
      'has no such blob',
      reading(() => failing('nowhere')),
      { code: 'IO', message: new RegExp(`^reading blob ${layer!.descriptor.digest}: nowhere$`) },
    ],
  ])('that %s is found out', async (_, source, expected) => {
    const { message, ...rest } = expected as { message: RegExp }
    const scene = await Scene.create()
    const error = await scene.copy({ source })
    expect(error).toMatchObject({
      ...rest,
      name: 'TransferError',
      side: 'source',
      message: expect.stringMatching(message),
    })
    expect(await scene.outcome()).toEqual(untouched)
  })

  it('that hands out another manifest is found out', async () => {
    const scene = await Scene.create()
    const other: RawManifest = { ...image.root, bytes: before.root.bytes }
    expect(await scene.copy({ source: () => ({ readManifest: async () => other }) })).toMatchObject({
      name: 'TransferError',
      side: 'source',
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('Manifest does not match provided manifest digest sha256:'),
    })
    expect(await scene.outcome()).toEqual(unopened)
  })

  it('that cannot be opened keeps the destination closed', async () => {
    const transport: Transport = {
      ...memoryTransport(),
      openDestination: () => Promise.reject(new Error('the destination was opened')),
    }
    await expect(copyImage(located(transport), located(transport))).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      side: 'source',
      message: expect.stringMatching(/^initializing source memory:image:latest: /),
    })
  })

  it('that cannot be read at all is said to be so', async () => {
    const reference = { scheme: 'nothing', text: 'image', policyScopes: [] }
    const nothing = { transport: { scheme: 'nothing', parse: () => reference }, reference }
    await expect(copyImage(nothing, nothing)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

async function full(): Promise<never> {
  throw new TransloadError('IO', 'no space left', { hint: 'Delete something.' })
}

describe('a destination', () => {
  it.each<[string, Replacement<ImageDestination>, string]>([
    ['a blob', () => ({ writeBlob: full }), 'writing blob: no space left'],
    ['a manifest', () => ({ writeManifest: full }), 'writing manifest: no space left'],
    ['the image', () => ({ commit: full }), 'committing the finished image: no space left'],
  ])('that cannot write %s fails the copy', async (_, destination, message) => {
    const scene = await Scene.create()
    const error = await scene.copy({ destination })
    expect(error).toMatchObject({ code: 'IO', side: 'destination', message, hint: 'Delete something.' })
    expect(await scene.outcome()).toEqual(untouched)
  })

  it('that cannot tell whether a blob is there fails the copy', async () => {
    const scene = await Scene.create()
    const error = await scene.copy({ destination: () => ({ reuseBlob: full }) })
    expect(error).toMatchObject({
      message: expect.stringMatching(/^trying to reuse blob sha256:\w+ at destination: no/),
    })
    expect(await scene.outcome()).toEqual(untouched)
  })

  it('that stops reading is not believed', async () => {
    const scene = await Scene.create()
    const error = await scene.copy({ destination: () => ({ writeBlob: () => Promise.resolve() }) })
    expect(error).toMatchObject({ code: 'PROTOCOL', side: 'destination' })
    expect(await scene.outcome()).toEqual(untouched)
  })

  it('that fails with a read under way ends the read', async () => {
    const scene = await Scene.create()
    let released = false
    const error = await scene.copy({
      source: (real) => ({
        async *readBlob(blob, options) {
          const { signal } = options!
          const aborted = once(signal!, 'abort')
          try {
            yield* real.readBlob(blob, options)
            await aborted
          } finally {
            released = true
          }
        },
      }),
      destination: () => ({
        async writeBlob({ body }) {
          collect(body).catch(() => undefined)
          await full()
        },
      }),
    })
    expect(error).toMatchObject({ side: 'destination', message: 'writing blob: no space left' })
    expect(released).toBe(true)
  })

  it('that swallows a failed read is not believed', async () => {
    const scene = await Scene.create()
    const error = await scene.copy({
      source: reading(async function* (real) {
        yield* real
        yield* failing('the last moment')
      }),
      destination: () => ({
        async writeBlob({ body }) {
          await collect(body).catch(() => undefined)
        },
      }),
    })
    expect(error).toMatchObject({ side: 'source', message: 'writing blob: happened during read: the last moment' })
    expect(await scene.outcome()).toEqual(untouched)
  })

  it('that fails names the image of the list', async () => {
    const scene = await Scene.create(fixtureIndex())
    const error = await scene.copy({ destination: () => ({ writeBlob: full }) }, { images: 'all' })
    expect(error).toMatchObject({
      code: 'IO',
      side: 'destination',
      message: 'copying image 1/3 from manifest list: writing blob: no space left',
    })
    expect(await scene.outcome()).toEqual(untouched)
  })
})

function fail(): never {
  throw new Error('the terminal is gone')
}

describe('an abort', () => {
  const reason = new Error('the user has had enough')

  type Step = 'readManifest' | 'readBlob' | 'reuseBlob' | 'writeBlob' | 'writeManifest' | 'commit'

  it.each<Step>(['readManifest', 'readBlob', 'reuseBlob', 'writeBlob', 'writeManifest', 'commit'])(
    'during %s ends the copy with ABORTED',
    async (step) => {
      const controller = new AbortController()
      const enter = (options: OperationOptions = {}): void => {
        controller.abort(reason)
        options.signal?.throwIfAborted()
      }
      const stopAt = <T extends ImageSource | ImageDestination>(real: T): Partial<T> => {
        if (!(step in real)) return {}
        if (step === 'readBlob') {
          return {
            async *readBlob(_: unknown, options: OperationOptions) {
              enter(options)
              yield Buffer.alloc(0)
            },
          } as unknown as Partial<T>
        }
        return { [step]: async (...given: OperationOptions[]) => enter(given.at(-1)) } as Partial<T>
      }
      const scene = await Scene.create()
      const error = await scene.copy({ source: stopAt, destination: stopAt }, { signal: controller.signal })
      expect(error).toMatchObject({ code: 'ABORTED', cause: reason, message: `copy aborted: ${reason.message}` })
      expect(await scene.outcome()).toEqual(step === 'readManifest' ? unopened : untouched)
    },
  )

  it('before the start opens nothing', async () => {
    const scene = await Scene.create()
    expect(await scene.copy({}, { signal: AbortSignal.abort(reason) })).toMatchObject({ code: 'ABORTED' })
    expect(await scene.outcome()).toEqual({ ...untouched, opened: [], closed: [] })
  })

  it('by a progress sink that throws fails the copy', async () => {
    const scene = await Scene.create()
    const copied = scene.copy({}, { progress: fail })
    expect(await copied).toMatchObject({ message: 'the terminal is gone' })
    expect(await scene.outcome()).toEqual(untouched)
  })
})
