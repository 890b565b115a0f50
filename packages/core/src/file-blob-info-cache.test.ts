import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { digestOf } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openFileBlobInfoCache } from './file-blob-info-cache.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'

const [plain, gzip, zstd, other] = ['plain', 'gzip', 'zstd', 'other'].map((text) => digestOf(Buffer.from(text))) as [
  ReturnType<typeof digestOf>,
  ReturnType<typeof digestOf>,
  ReturnType<typeof digestOf>,
  ReturnType<typeof digestOf>,
]
const annotations = { 'io.github.containers.zstd-chunked.manifest-checksum': 'd' }

let folder: string
let file: string
let logged: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transload-cache-'))
  file = join(folder, 'containers/cache/blob-info-cache-v1.sqlite')
  logged = []
})
afterEach(() => rm(folder, { recursive: true }))

function open(path = file, seconds = 0): ReturnType<typeof openFileBlobInfoCache> {
  return openFileBlobInfoCache(path, {
    log: (_level, message) => logged.push(message),
    now: () => new Date(Date.UTC(2026, 0, 2, 3, 4, seconds, 50)),
  })
}

async function learnAll(cache: Required<ReturnType<typeof createMemoryBlobInfoCache>>): Promise<void> {
  await cache.rememberUncompressed(plain, plain)
  await cache.rememberUncompressed(gzip, plain)
  await cache.rememberUncompressed(zstd, plain)
  await cache.rememberCompression(plain, 'none')
  await cache.rememberCompression(gzip, 'gzip')
  await cache.rememberCompression(zstd, 'zstd:chunked', annotations)
  await cache.rememberLocation('host', zstd, 'team/app')
}

const asSubstitutes = [
  { digest: zstd, compression: 'zstd:chunked', annotations, location: 'team/app' },
  { digest: gzip, compression: 'gzip' },
]

describe.each(['a new process', 'the same process'])('a cache in a file tells %s', (which) => {
  async function filled(): Promise<ReturnType<typeof open>> {
    const cache = open()
    await learnAll(cache)
    if (which === 'the same process') return cache
    await cache[Symbol.asyncDispose]()
    return open()
  }

  it('what a blob is decompressed', async () => {
    await using cache = await filled()
    expect(await cache.uncompressed(gzip)).toBe(plain)
    expect(await cache.uncompressed(other)).toBeUndefined()
  })

  it('what else has the content of a blob, places known first', async () => {
    await using cache = await filled()
    expect(await cache.substitutes('host', plain)).toEqual(asSubstitutes)
    const ofGzip = await cache.substitutes('elsewhere', gzip)
    expect(ofGzip.map(({ digest }) => digest)).toEqual([zstd, plain])
    expect(await cache.substitutes('host', other)).toEqual([])
  })

  it('where a blob was seen', async () => {
    await using cache = await filled()
    expect(await cache.locations('host', zstd)).toEqual(['team/app'])
    expect(await cache.locations('elsewhere', zstd)).toEqual([])
  })
})

it('puts the place seen last first, and takes five at most', async () => {
  for (const [seconds, place] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
    await using cache = open(file, seconds)
    await learnAll(cache)
    await cache.rememberLocation('host', gzip, place)
  }
  await using cache = open()
  expect(await cache.locations('host', gzip)).toEqual(['f', 'e', 'd', 'c', 'b', 'a'])
  const located = (await cache.substitutes('host', plain)).map(({ location }) => location)
  expect(located).toHaveLength(5)
  expect(located).toEqual(expect.arrayContaining(['f', 'e', 'd', 'team/app']))
})

it('does not take zstd:chunked for plain zstd when that is all another copy saw', async () => {
  const cache = createMemoryBlobInfoCache()
  await learnAll(cache)
  await cache.rememberCompression(zstd, 'zstd')
  expect(await cache.substitutes('host', plain)).toEqual(asSubstitutes)
})

it('writes as the other tools do, and keeps the folder to its user', async () => {
  await using cache = open()
  await learnAll(cache)
  await cache[Symbol.asyncDispose]()
  using database = new DatabaseSync(file)
  expect(database.prepare('SELECT * FROM KnownLocations').all()).toEqual([
    {
      transport: 'docker',
      scope: 'host',
      digest: zstd,
      location: 'host/team/app',
      time: '2026-01-02 03:04:00.05+00:00',
    },
  ])
  const compressors = database.prepare('SELECT compressor FROM DigestCompressors ORDER BY compressor').all()
  expect(compressors.map((row) => row['compressor'])).toEqual(['gzip', 'uncompressed', 'zstd'])
  expect((await stat(join(folder, 'containers/cache'))).mode & 0o777).toBe(0o700)
})

it('makes nothing if there is nothing to say', async () => {
  await open()[Symbol.asyncDispose]()
  await expect(stat(join(folder, 'containers'))).rejects.toMatchObject({ code: 'ENOENT' })
})

it('leaves the file alone for how blobs are compressed, until there is more to say', async () => {
  const cache = open()
  await cache.rememberCompression(gzip, 'gzip')
  await cache.rememberUncompressed(plain, plain)
  await cache[Symbol.asyncDispose]()
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })

  await using later = open()
  await later.rememberCompression(gzip, 'gzip')
  await later.rememberLocation('host', gzip, 'app')
  await later[Symbol.asyncDispose]()
  using database = new DatabaseSync(file)
  expect(database.prepare('SELECT * FROM DigestCompressors').all()).toEqual([{ digest: gzip, compressor: 'gzip' }])
})

it('answers that nothing is known before the first fact is written, and says nothing', async () => {
  await using cache = open()
  expect(await cache.uncompressed(gzip)).toBeUndefined()
  expect(await cache.locations('host', gzip)).toEqual([])
  expect(logged).toEqual([])
})

describe('what cannot be used', () => {
  it.each<[string, () => Promise<string>]>([
    [
      'is left alone if it is no database',
      async () => {
        await mkdir(join(folder, 'containers/cache'), { recursive: true })
        await writeFile(file, 'something else entirely, and longer than a header'.repeat(10))
        return file
      },
    ],
    [
      'is done without if it cannot be made',
      async () => {
        await writeFile(join(folder, 'file'), '')
        return join(folder, 'file/cache.sqlite')
      },
    ],
    ['is done without where nothing can be made', async () => '/proc/nobody/containers/cache.sqlite'],
    [
      'is done without if its tables are others',
      async () => {
        const path = join(folder, 'cache.sqlite')
        using database = new DatabaseSync(path)
        database.exec('CREATE TABLE DigestSpecificVariantCompressors(a TEXT)')
        return path
      },
    ],
  ])('%s', async (_, spoil) => {
    const path = await spoil()
    const before = await readFile(path).catch(() => undefined)
    await using cache = open(path)
    await learnAll(cache)
    expect(await cache.substitutes('host', plain)).toEqual(asSubstitutes)
    await cache[Symbol.asyncDispose]()
    expect(logged.join()).toContain(path)
    expect(await readFile(path).catch(() => undefined)).toEqual(before)
  })
})
