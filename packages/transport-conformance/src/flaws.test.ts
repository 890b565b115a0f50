import { createReadStream } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import {
  collect,
  digestOf,
  parseManifest,
  rawManifest,
  TransloadError,
  type Descriptor,
  type ImageDestination,
  type ImageSource,
  type RawManifest,
  type Transport,
} from '@transload/contract'
import { afterAll, expect, test, vi } from 'vitest'

import type { TransportCheck } from './check.ts'
import { transportChecks } from './checks.ts'
import { emptyCache } from './fixtures/empty-cache.ts'
import { memoryTransport } from './fixtures/memory-transport.ts'
import { patternLayer } from './fixtures/pattern.ts'
import { storeImage } from './fixtures/store-image.ts'
import { runCheck, type CheckOutcome } from './run-check.ts'
import type { TransportSubject } from './subject.ts'

interface Flaw {
  /** What the transport does wrong. */
  readonly flaw: string
  /** The checks that must find it; others may. */
  readonly checks: readonly string[]
  readonly transport?: (sound: Transport) => Partial<Transport>
  readonly source?: (sound: ImageSource) => Partial<ImageSource>
  readonly destination?: (sound: ImageDestination) => Partial<ImageDestination>
}

const heavy = 'a 256 MiB blob moves in under 64 MiB of memory'
const formats = ['a oci image comes back', 'a docker image comes back']
const indexes = ['a oci index comes back with its images', 'a docker index comes back with its images']

const flaws: readonly Flaw[] = [
  {
    flaw: 'the text of a reference does not parse to the same',
    checks: ['a reference is plain data, and its text parses to an equal one'],
    transport: (sound) => ({
      parse: (text, directory) => ({ ...sound.parse(text, directory), text: `${text}x` }),
    }),
  },
  {
    flaw: 'an invalid reference is a plain Error',
    checks: ['an invalid reference throws REFERENCE_INVALID'],
    transport: (sound) => ({
      parse: (text, directory) => {
        if (text === '') throw new Error('no')
        return sound.parse(text, directory)
      },
    }),
  },
  {
    flaw: 'an absent image is an ENOENT',
    checks: ['an absent image is MANIFEST_UNKNOWN'],
    transport: (sound) => ({
      openSource: (reference, options) =>
        sound.openSource!(reference, options).catch(() => {
          throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
        }),
    }),
  },
  {
    flaw: 'manifests are written anew',
    checks: ['a stored image comes back', ...formats, ...indexes],
    source: (sound) => ({
      readManifest: async (digest, options) => changedManifest(await sound.readManifest(digest, options), () => {}),
    }),
  },
  {
    flaw: 'images of an index are lost',
    checks: indexes,
    destination: (sound) => ({
      writeManifest: async (manifest, options) => {
        if (options.root) await sound.writeManifest(manifest, options)
      },
    }),
  },
  {
    flaw: 'only configs and layers are kept',
    checks: ['an OCI artifact comes back'],
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        if (blob.role !== 'other') await sound.writeBlob(blob, options)
      },
    }),
  },
  {
    flaw: 'zstd is refused',
    checks: ['layers in zstd and without compression come back'],
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        if (blob.mediaType.endsWith('zstd')) throw new TransloadError('UNSUPPORTED', 'no zstd')
        await sound.writeBlob(blob, options)
      },
    }),
  },
  {
    flaw: 'duplicate layers become one',
    checks: ['duplicate layers stay duplicate'],
    source: (sound) => ({
      readManifest: async (digest, options) =>
        changedManifest(await sound.readManifest(digest, options), (json) => {
          const layers = json['layers'] as { digest: string }[]
          json['layers'] = [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
        }),
    }),
  },
  {
    flaw: 'a manifest is stored when all its layers are',
    checks: ['a layer that lives at a foreign URL is left there'],
    destination: (sound) => ({
      writeManifest: async (manifest, options) => {
        if (Buffer.from(manifest.bytes).includes('"urls"')) throw new TransloadError('BLOB_UNKNOWN', 'no layer')
        await sound.writeManifest(manifest, options)
      },
    }),
  },
  {
    flaw: 'blobs written at once are mixed up',
    checks: ['sixty layers, written and read at the declared concurrency'],
    destination: (sound) => {
      let current: Parameters<ImageDestination['writeBlob']>[0]
      return {
        writeBlob: async (blob, options) => {
          current = blob
          await setImmediate()
          await sound.writeBlob(current, options)
        },
      }
    },
  },
  {
    flaw: 'the root manifest is visible at once',
    checks: ['nothing is visible before commit, everything after'],
    destination: (sound) => ({
      writeManifest: async (manifest, options) => {
        await sound.writeManifest(manifest, options)
        if (options.root) await sound.commit()
      },
    }),
  },
  {
    flaw: 'dispose commits',
    checks: [
      'disposing without commit leaves nothing under the reference',
      'writing after an abort rejects with its reason and shows nothing',
    ],
    destination: (sound) => ({ [Symbol.asyncDispose]: () => sound.commit() }),
  },
  {
    flaw: 'opening a destination clears it',
    checks: ['an abandoned overwrite leaves the former image, a committed one replaces it'],
    transport: (sound) => ({
      openDestination: async (reference, options) => {
        await sound.removeImage!(reference, options).catch(() => {})
        return await sound.openDestination!(reference, options)
      },
    }),
  },
  {
    flaw: 'the second dispose throws',
    checks: ['disposing twice is quiet'],
    source: () => {
      let isDisposed = false
      return {
        [Symbol.asyncDispose]: async () => {
          if (isDisposed) throw new Error('disposed already')
          isDisposed = true
        },
      }
    },
  },
  {
    flaw: 'a body that fails is stored as far as it came',
    checks: [
      'a body that throws half-way leaves no blob, and its error comes out',
      'a body that throws after its last byte leaves no blob, and its error comes out',
    ],
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        let failure: unknown
        async function* body(): AsyncGenerator<Uint8Array> {
          try {
            yield* blob.body
          } catch (error) {
            failure = error
          }
        }
        const written = { mediaType: blob.mediaType, digest: blob.digest!, size: blob.size! }
        await sound.writeBlob({ ...blob, body: body(), written: () => written }, options)
        if (failure !== undefined) throw failure
      },
    }),
  },
  {
    flaw: 'the error of a body is replaced',
    checks: ['a body that throws half-way leaves no blob, and its error comes out'],
    destination: (sound) => ({
      writeBlob: (blob, options) =>
        sound.writeBlob(blob, options).catch((cause: unknown) => {
          throw new TransloadError('IO', 'cannot write', { cause })
        }),
    }),
  },
  {
    flaw: 'bytes after the size that was said are not waited for',
    checks: ['a body that throws after its last byte leaves no blob, and its error comes out'],
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        async function* body(): AsyncGenerator<Uint8Array> {
          let left = blob.size!
          for await (const chunk of blob.body) {
            yield chunk
            left -= chunk.length
            if (left <= 0) return
          }
        }
        const written = { mediaType: blob.mediaType, digest: blob.digest!, size: blob.size! }
        await sound.writeBlob({ ...blob, body: body(), written: () => written }, options)
      },
    }),
  },
  {
    flaw: 'one failed blob spoils the destination',
    checks: ['a blob that failed can be written again'],
    destination: (sound) => {
      let failed: Promise<void> = Promise.resolve()
      return {
        writeBlob: async (blob, options) => {
          await failed
          const writing = sound.writeBlob(blob, options)
          failed = writing
          await writing
        },
      }
    },
  },
  {
    flaw: 'an unknown blob is a plain Error',
    checks: ['an unknown manifest is MANIFEST_UNKNOWN, an unknown blob BLOB_UNKNOWN'],
    source: (sound) => ({
      async *readBlob(blob) {
        try {
          yield* sound.readBlob(blob)
        } catch {
          throw new Error('404')
        }
      },
    }),
  },
  {
    flaw: 'the source ignores aborts',
    checks: ['reading after an abort rejects with its reason', 'an abort while a blob is read ends it with the reason'],
    source: (sound) => ({
      readManifest: (digest) => sound.readManifest(digest),
      readBlob: (blob) => sound.readBlob(blob),
    }),
  },
  {
    flaw: 'the destination ignores aborts',
    checks: [
      'writing after an abort rejects with its reason and shows nothing',
      'an abort while a blob is written ends it with the reason and stores nothing',
    ],
    destination: (sound) => ({ writeBlob: (blob) => sound.writeBlob(blob), commit: () => sound.commit() }),
  },
  {
    flaw: 'an aborted write rejects with an error of its own',
    checks: ['an abort while a blob is written ends it with the reason and stores nothing'],
    destination: (sound) => ({
      writeBlob: (blob, options) =>
        sound.writeBlob(blob, options).catch(() => {
          throw new Error('This operation was aborted')
        }),
    }),
  },
  {
    flaw: 'removal ignores aborts',
    checks: ['removing after an abort rejects with its reason and removes nothing'],
    transport: (sound) => ({
      removeImage: (reference, options) => sound.removeImage!(reference, { ...options, signal: undefined }),
    }),
  },
  {
    flaw: 'an abort after commit takes the image back',
    checks: ['an abort after the work is done changes nothing'],
    transport: (sound) => ({
      openDestination: (reference, options) => {
        const quiet = { ...options, signal: undefined }
        options.signal?.addEventListener('abort', () => void sound.removeImage!(reference, quiet))
        return sound.openDestination!(reference, options)
      },
    }),
  },
  {
    flaw: 'reuseBlob says yes to anything',
    checks: ['reuseBlob knows nothing of an unknown blob', 'a blob that reuseBlob promises is there after commit'],
    destination: () => ({ reuseBlob: async (blob) => blob }),
  },
  {
    flaw: 'reuseBlob does not say what it was not told',
    checks: ['blobs may be of unknown size'],
    destination: (sound) => ({
      reuseBlob: async (blob, options) => {
        const found = await sound.reuseBlob!(blob, options)
        return found && { ...found, size: blob.size }
      },
    }),
  },
  {
    flaw: 'a file is taken without a look at the body',
    checks: ['a body that fails leaves no blob, though the file it came with is whole'],
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        if (blob.file === undefined) return await sound.writeBlob(blob, options)
        const written = { mediaType: blob.mediaType, digest: blob.digest!, size: blob.size! }
        await sound.writeBlob({ ...blob, body: createReadStream(blob.file), written: () => written }, options)
      },
    }),
  },
  {
    flaw: 'the file is read too late',
    checks: ['a blob that comes with a file is stored'],
    destination: (sound) => {
      const files: string[] = []
      return {
        writeBlob: async (blob, options) => {
          if (blob.file !== undefined) files.push(blob.file)
          await sound.writeBlob(blob, options)
        },
        commit: async (options) => {
          await Promise.all(files.map((file) => readFile(file)))
          await sound.commit(options)
        },
      }
    },
  },
  {
    flaw: 'blobFile names another file',
    checks: ['blobFile names a file of exactly the blob’s bytes'],
    source: () => ({ blobFile: async () => import.meta.filename }),
  },
  {
    flaw: 'readBlobFrom begins at the beginning',
    checks: ['readBlobFrom yields the rest of a blob'],
    source: (sound) => ({ readBlobFrom: (blob) => sound.readBlob(blob) }),
  },
  {
    flaw: 'layersForCopy names a blob that is not there',
    checks: ['what layersForCopy names can be read'],
    source: (sound) => ({
      layersForCopy: async (manifest) =>
        layersOf(manifest).map(({ mediaType, size }) => ({
          mediaType,
          size,
          digest: digestOf(Buffer.from('elsewhere')),
        })),
      readBlob: (blob, options) => sound.readBlob(blob, options),
    }),
  },
  {
    flaw: 'signatures are lost',
    checks: ['signatures come back with their manifest'],
    source: () => ({ signatures: { list: async () => [] } }),
  },
  {
    flaw: 'referrers are lost',
    checks: ['a manifest is found by what it refers to'],
    source: () => ({ async *readReferrers() {} }),
  },
  {
    flaw: 'tags beside the image are lost',
    checks: ['a manifest is found by its tag beside the image'],
    source: () => ({ readTagged: async () => undefined }),
  },
  {
    flaw: 'the destination does not see what it was given',
    checks: ['what goes along is found at the destination after commit'],
    destination: () => ({ async *readReferrers() {} }),
  },
  {
    flaw: 'removal does nothing',
    checks: ['a removed image is gone, and an absent one cannot be removed'],
    transport: () => ({ removeImage: async () => {} }),
  },
  {
    flaw: 'removal of a tag does nothing',
    checks: ['a removed tag is gone, and an absent one cannot be removed'],
    transport: () => ({ removeTag: async () => {} }),
  },
  {
    flaw: 'tags are made up',
    checks: ['listTags yields the tag of a stored image'],
    transport: () => ({
      async *listTags() {
        yield 'v0'
      },
    }),
  },
  {
    flaw: 'a file stays open when a read ends early',
    checks: ['a read abandoned early leaves no open handle'],
    source: (sound) => ({
      async *readBlob(blob, options) {
        const file = await open(import.meta.filename)
        leaked.push(file)
        yield* sound.readBlob(blob, options)
        await file.close()
      },
    }),
  },
  { flaw: 'blobs are kept in memory', checks: [heavy] },
]

const leaked: FileHandle[] = []
const directory = await mkdtemp(join(tmpdir(), 'conformance-test-'))

// One flaw makes a check wait in vain, another makes it hold 256 MiB.
vi.setConfig({ testTimeout: 60_000 })
afterAll(() => rm(directory, { recursive: true }))

test.each(flaws.flatMap(({ checks, ...flaw }) => checks.map((check) => ({ ...flaw, check }))))(
  'found: $flaw – by: $check',
  async ({ check, ...flaw }) => {
    const outcome = await run(check, () => flawedTransport(flaw))
    for (const file of leaked.splice(0)) await file.close()
    expect(outcome).toEqual({ state: 'failed', error: expect.not.objectContaining({ name: 'TypeError' }) })
  },
)

test('each check can fail', () => {
  const proven = new Set(flaws.flatMap((flaw) => flaw.checks))
  expect(transportChecks.map((check) => check.name).filter((name) => !proven.has(name))).toEqual([])
})

test.each(transportChecks)('passed without a flaw: $name', async ({ name }) => {
  const outcome = await run(name, () => (name === heavy ? streaming() : flawedTransport({})))
  expect(outcome).toEqual({ state: 'passed' })
})

test('what a transport does not offer is skipped with the reason', async () => {
  const { scheme, ...sound } = memoryTransport()
  const create = (): Transport => ({ scheme, parse: (...values) => sound.parse(...values) })
  const outcomes = await Promise.all(transportChecks.map(({ name }) => run(name, create)))
  expect(outcomes.filter((outcome) => outcome.state === 'passed')).toHaveLength(2)
  const reasons = outcomes.map((outcome) => (outcome.state === 'skipped' ? outcome.reason : outcome.state))
  expect(new Set(reasons)).toEqual(
    new Set([
      'passed',
      'cannot be read: no openSource',
      'cannot be written: no openDestination',
      'cannot remove: no removeImage',
      'cannot remove a tag alone: no removeTag',
      'has no tags: no listTags',
    ]),
  )
})

test('a transport that only reads is given its images by prepare', async () => {
  const complete = memoryTransport()
  const readOnly: Transport = {
    scheme: complete.scheme,
    parse: (...values) => complete.parse(...values),
    openSource: (...values) => complete.openSource!(...values),
  }
  const subject: TransportSubject = {
    create: () => readOnly,
    newReference: (n) => `image-${n}`,
    prepare: async (image) => {
      const reference = readOnly.parse('prepared', directory)
      await using destination = await complete.openDestination!(reference, {
        cache: emptyCache(),
        tempDirectory: directory,
        log: () => {},
      })
      await storeImage(destination, image)
      return reference.text
    },
  }
  const checks = ['a stored image comes back', ...formats, ...indexes, 'duplicate layers stay duplicate']
  for (const name of checks) expect(await runCheck(checkNamed(name), subject)).toEqual({ state: 'passed' })
})

const heavyBytes = 256 * 1024 * 1024

function run(name: string, create: () => Transport): Promise<CheckOutcome> {
  return runCheck(checkNamed(name), { create, newReference: (n) => `image-${n}` })
}

function checkNamed(name: string): TransportCheck {
  const check = transportChecks.find((candidate) => candidate.name === name)
  if (!check) throw new Error(`there is no check ${JSON.stringify(name)}`)
  return check
}

/** Keeps nothing of large layers: it makes the suite's own again. */
function streaming(): Transport {
  return flawedTransport({
    source: (sound) => ({
      readBlob: (blob, options) => (blob.size! > heavyBytes ? patternLayer(heavyBytes) : sound.readBlob(blob, options)),
    }),
    destination: (sound) => ({
      writeBlob: async (blob, options) => {
        if (blob.role === 'config') return await sound.writeBlob(blob, options)
        for await (const _ of blob.body);
      },
    }),
  })
}

/** {@link memoryTransport} with members replaced. */
function flawedTransport({ transport, source, destination }: Omit<Flaw, 'flaw' | 'checks'>): Transport {
  const sound = memoryTransport()
  return {
    ...sound,
    openSource: async (reference, options) => {
      const opened = await sound.openSource!(reference, options)
      return {
        reference,
        readManifest: (...values) => opened.readManifest(...values),
        readBlob: (...values) => opened.readBlob(...values),
        blobFile: async (blob) => {
          const file = join(directory, blob.digest)
          await writeFile(file, opened.readBlob(blob))
          return file
        },
        async *readBlobFrom(blob, offset) {
          yield (await collect(opened.readBlob(blob))).subarray(offset)
        },
        readReferrers: (...values) => opened.readReferrers!(...values),
        readTagged: (...values) => opened.readTagged!(...values),
        layersForCopy: async (manifest) => layersOf(manifest),
        signatures: opened.signatures!,
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
        ...source?.(opened),
      }
    },
    openDestination: async (reference, options) => {
      const opened = await sound.openDestination!(reference, options)
      return {
        reference,
        traits: opened.traits,
        writeBlob: (...values) => opened.writeBlob(...values),
        reuseBlob: (...values) => opened.reuseBlob!(...values),
        writeManifest: (...values) => opened.writeManifest(...values),
        commit: (...values) => opened.commit(...values),
        readReferrers: (...values) => opened.readReferrers!(...values),
        readTagged: (...values) => opened.readTagged!(...values),
        signatures: opened.signatures!,
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
        ...destination?.(opened),
      }
    },
    ...transport?.(sound),
  }
}

function layersOf(raw: RawManifest): readonly Descriptor[] {
  const manifest = parseManifest(raw)
  return manifest.kind === 'image' ? manifest.layers : []
}

function changedManifest(manifest: RawManifest, change: (json: Record<string, unknown>) => void): RawManifest {
  const json = JSON.parse(Buffer.from(manifest.bytes).toString()) as Record<string, unknown>
  change(json)
  return { ...rawManifest(Buffer.from(JSON.stringify(json, undefined, 1))), digest: manifest.digest }
}
