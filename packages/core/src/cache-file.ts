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

/** Opens the file of a blob info cache, making it and its folder (0700) if need be; undefined, and logged, if that fails. */
export async function openCacheFile(path: string, log: Log): Promise<DatabaseSync | undefined> {
  let database: DatabaseSync | undefined
  try {
    await makeDirectory(dirname(path), 0o700)
    const sqlite = await import('node:sqlite')
    database = new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs })
    const isMade = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?')
    if (!isMade.get('DigestSpecificVariantCompressors')) database.exec(`BEGIN IMMEDIATE; ${tables.join(';')}; COMMIT`)
    return database
  } catch (error) {
    database?.close()
    log('debug', `blob info cache ${path} cannot be used: ${(error as Error).message}`)
    return undefined
  }
}
