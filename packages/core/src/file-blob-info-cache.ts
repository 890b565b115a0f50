import type { DatabaseSync } from 'node:sqlite'

import { isDigest, type BlobInfoCache, type BlobSubstitute, type Digest, type Log } from '@transload/contract'

import { openCacheFile, type CacheFile } from './cache-file.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import { substitutesInOrder, type SubstituteWithLocations } from './substitutes-in-order.ts'

export interface FileBlobInfoCacheOptions {
  /** Told, on level debug, that the file cannot be used. */
  readonly log: Log
  /** For tests. Default: the clock. */
  readonly now?: () => Date
}

type Fact = (database: DatabaseSync) => unknown

/** Facts wait for each other: a transaction costs milliseconds. */
const factsAtOnce = 50

/** As the other tools spell them: only this name differs. */
const names: Readonly<Record<string, string>> = { none: 'uncompressed', xz: 'Xz' }
const ownNames: Readonly<Record<string, string>> = { uncompressed: 'none', Xz: 'xz' }

/**
 * A cache in the SQLite file that skopeo, podman and buildah keep theirs in, shared with them (copy-engine.md §7).
 * Scopes are registry hosts and locations their repositories, the only ones they know: there a location names both.
 *
 * The file is opened at the first question or when there is something to write, made if need be, and never locked for
 * longer than a transaction. How a blob is compressed is not worth writing by itself: a copy between local places
 * that re-encodes nothing leaves the file alone. If it cannot be used, what was learned is kept in memory. Disposing
 * writes what has not been written.
 */
export function openFileBlobInfoCache(
  path: string,
  { log, now = () => new Date() }: FileBlobInfoCacheOptions,
): Required<BlobInfoCache> & AsyncDisposable {
  const memory = createMemoryBlobInfoCache()
  let facts: Fact[] = []
  let isWorthWriting = false
  let opening: Promise<CacheFile | undefined> | undefined
  const open = (): Promise<CacheFile | undefined> => (opening ??= openCacheFile(path, log))

  const ask = async <T>(question: (db: DatabaseSync) => T, otherwise: T): Promise<T> => {
    const file = await open()
    if (!file) return otherwise
    return quietly(log, path, () => (file.isMade() ? question(file.database) : otherwise), otherwise)
  }
  const flush = async (): Promise<void> => {
    const written = facts
    facts = []
    if (!isWorthWriting) return
    isWorthWriting = false
    const file = await open()
    if (!file) return
    const work = (): void => file.write(() => written.forEach((fact) => fact(file.database)))
    quietly(log, path, work, undefined)
  }
  const learn = async (fact: Fact, isNews: boolean): Promise<void> => {
    facts.push(fact)
    isWorthWriting ||= isNews
    if (isWorthWriting && facts.length >= factsAtOnce) await flush()
  }

  return {
    locations: async (scope, blob) => {
      const own = await memory.locations(scope, blob)
      return [...new Set([...own, ...(await ask((db) => readLocations(db, scope, blob), []))])]
    },
    rememberLocation: async (scope, blob, location) => {
      await memory.rememberLocation(scope, blob, location)
      const time = goTime(now())
      await learn(
        (db) =>
          db
            .prepare(
              'INSERT OR REPLACE INTO KnownLocations(transport, scope, digest, location, time) VALUES (?, ?, ?, ?, ?)',
            )
            .run('docker', scope, blob, `${scope}/${location}`, time),
        true,
      )
    },
    uncompressed: async (blob) =>
      (await memory.uncompressed(blob)) ?? (await ask((db) => readUncompressed(db, blob), undefined)),
    rememberUncompressed: async (blob, uncompressed) => {
      await memory.rememberUncompressed(blob, uncompressed)
      await learn(
        (db) =>
          db
            .prepare('INSERT OR REPLACE INTO DigestUncompressedPairs(anyDigest, uncompressedDigest) VALUES (?, ?)')
            .run(blob, uncompressed),
        blob !== uncompressed,
      )
    },
    substitutes: async (scope, blob) => {
      const own = await memory.substitutes(scope, blob)
      const known = new Set(own.map(({ digest, location }) => `${digest} ${location}`))
      const stored = await ask((db) => readSubstitutes(db, scope, blob), [])
      return [...own, ...stored.filter(({ digest, location }) => !known.has(`${digest} ${location}`))]
    },
    rememberCompression: async (blob, compression, annotations) => {
      await memory.rememberCompression(blob, compression, annotations)
      const base = compression === 'zstd:chunked' ? 'zstd' : (names[compression] ?? compression)
      await learn((db) => {
        db.prepare('INSERT OR REPLACE INTO DigestCompressors(digest, compressor) VALUES (?, ?)').run(blob, base)
        if (compression !== 'zstd:chunked' || !annotations) return
        db.prepare(
          'INSERT OR REPLACE INTO DigestSpecificVariantCompressors' +
            '(digest, specificVariantCompressor, specificVariantAnnotations) VALUES (?, ?, ?)',
        ).run(blob, compression, Buffer.from(JSON.stringify(annotations)))
      }, false)
    },
    [Symbol.asyncDispose]: async () => {
      await flush()
      const file = await opening
      opening = Promise.resolve(undefined)
      file?.database.close()
    },
  }
}

function readLocations(db: DatabaseSync, scope: string, blob: Digest): readonly string[] {
  const rows = db
    .prepare('SELECT location FROM KnownLocations WHERE transport = ? AND scope = ? AND digest = ? ORDER BY time DESC')
    .all('docker', scope, blob)
  return rows.flatMap((row) => {
    const location = String(row['location'])
    return location.startsWith(`${scope}/`) ? [location.slice(scope.length + 1)] : []
  })
}

/** A digest that others decompress to is plain itself. */
function readUncompressed(db: DatabaseSync, blob: Digest): Digest | undefined {
  const row = db.prepare('SELECT uncompressedDigest FROM DigestUncompressedPairs WHERE anyDigest = ?').get(blob)
  const digest = String(row?.['uncompressedDigest'] ?? '')
  if (isDigest(digest)) return digest
  const isPlain = db.prepare('SELECT 1 FROM DigestUncompressedPairs WHERE uncompressedDigest = ?').get(blob)
  return isPlain ? blob : undefined
}

function readSubstitutes(db: DatabaseSync, scope: string, blob: Digest): readonly BlobSubstitute[] {
  const content = readUncompressed(db, blob)
  if (content === undefined) return []
  const rows = db
    .prepare(
      'SELECT digest, compressor, specificVariantCompressor AS variant, specificVariantAnnotations AS annotations, ' +
        '(SELECT MAX(time) FROM KnownLocations k ' +
        "WHERE k.transport = 'docker' AND k.scope = ?1 AND k.digest = DigestCompressors.digest) AS seen " +
        'FROM DigestCompressors LEFT JOIN DigestSpecificVariantCompressors USING (digest) ' +
        'WHERE digest IN (SELECT anyDigest FROM DigestUncompressedPairs WHERE uncompressedDigest = ?2 UNION SELECT ?2) ' +
        'AND digest <> ?3 ORDER BY seen DESC',
    )
    .all(scope, content, blob)
  const candidates = rows.flatMap((row): SubstituteWithLocations[] => {
    const digest = String(row['digest'])
    if (!isDigest(digest)) return []
    const compressor = String(row['compressor'])
    const annotations = row['variant'] === 'zstd:chunked' ? parseAnnotations(row['annotations']) : undefined
    const kind = annotations
      ? { compression: 'zstd:chunked', annotations }
      : { compression: ownNames[compressor] ?? compressor }
    return [{ digest, ...kind, locations: readLocations(db, scope, digest) }]
  })
  return substitutesInOrder(content, candidates)
}

function parseAnnotations(value: unknown): Readonly<Record<string, string>> | undefined {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
  const json: unknown = JSON.parse(text)
  if (typeof json !== 'object' || json === null) return undefined
  const entries = Object.entries(json)
  return entries.every(([, member]) => typeof member === 'string') ? Object.fromEntries(entries) : undefined
}

function quietly<T>(log: Log, path: string, work: () => T, otherwise: T): T {
  try {
    return work()
  } catch (error) {
    log('debug', `blob info cache ${path}: ${(error as Error).message}`)
    return otherwise
  }
}

/** Go's `2006-01-02 15:04:05.999999999-07:00`, in UTC. */
function goTime(date: Date): string {
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.?0*Z$/, '+00:00')
}
