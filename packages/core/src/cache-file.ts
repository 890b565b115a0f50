import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

import type { Log } from '@transload/contract'
import { makeDirectory } from '@transload/formats'

/** How long another process may hold the file before this one goes without. */
const busyTimeoutMs = 2000

/** What the other tools make, statement by statement; that the last table is there says that all are. */
const tables = [
  `CREATE TABLE IF NOT EXISTS DigestUncompressedPairs(
    anyDigest TEXT PRIMARY KEY NOT NULL,
    uncompressedDigest TEXT NOT NULL
  )`,
  `CREATE INDEX IF NOT EXISTS DigestUncompressedPairs_index_uncompressedDigest
    ON DigestUncompressedPairs(uncompressedDigest)`,
  'CREATE TABLE IF NOT EXISTS DigestCompressors(digest TEXT PRIMARY KEY NOT NULL, compressor TEXT NOT NULL)',
  `CREATE TABLE IF NOT EXISTS KnownLocations(
    transport TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    location TEXT NOT NULL,
    time TIMESTAMP NOT NULL,
    PRIMARY KEY (transport, scope, digest, location)
  )`,
  `CREATE TABLE IF NOT EXISTS DigestTOCUncompressedPairs(
    tocDigest TEXT PRIMARY KEY NOT NULL,
    uncompressedDigest TEXT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS DigestSpecificVariantCompressors(
    digest TEXT PRIMARY KEY NOT NULL,
    specificVariantCompressor TEXT NOT NULL,
    specificVariantAnnotations BLOB NOT NULL
  )`,
]

/** An open file of a blob info cache. Closed by whoever opened it. */
export interface CacheFile {
  readonly database: DatabaseSync
  /** Whether there is anything to ask. */
  isMade(): boolean
  /** In one transaction with the tables, if they are not there. */
  write(work: () => void): void
}

/** Opens the file of a blob info cache, making its folder (0700) if need be; undefined, and logged, if that fails. */
export async function openCacheFile(path: string, log: Log): Promise<CacheFile | undefined> {
  let database: DatabaseSync | undefined
  try {
    await makeDirectory(dirname(path), 0o700)
    const sqlite = await import('node:sqlite')
    database = new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs })
    // One wait for the disk less for each transaction. A setting of this connection, not of the file.
    database.exec('PRAGMA synchronous = NORMAL')
    return cacheFile(database)
  } catch (error) {
    database?.close()
    log('debug', `blob info cache ${path} cannot be used: ${(error as Error).message}`)
    return undefined
  }
}

function cacheFile(database: DatabaseSync): CacheFile {
  const lastTable = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'DigestSpecificVariantCompressors'")
  let made = lastTable.get() !== undefined
  return {
    database,
    isMade: () => (made ||= lastTable.get() !== undefined),
    write: (work) => {
      database.exec('BEGIN IMMEDIATE')
      try {
        if (!made) database.exec(tables.join(';'))
        work()
        database.exec('COMMIT')
        made = true
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
  }
}
