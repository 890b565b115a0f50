import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'

import { TransloadError, type OperationOptions } from '@transload/contract'

import {
  parsePaxRecords,
  parseTarHeader,
  tarBlockBytes,
  tarPaddingBytes,
  type TarEntryType,
  type TarHeader,
} from './tar-header.ts'

export interface TarEntry {
  /** Relative, cleaned: no `.`, `..`, doubled or trailing slashes. */
  readonly name: string
  readonly type: TarEntryType
  /** Where the data lies in the archive; `size` is 0 for anything but a file. */
  readonly offset: number
  readonly size: number
  /** A symlink's target as written; a hardlink's, cleaned as `name` is. */
  readonly linkName: string
}

const windowBytes = 16 * 1024
const maxExtendedHeaderBytes = 1024 * 1024
const maxEntries = 250_000

/**
 * The entries of an uncompressed tar file by name, found by reading the headers and skipping over the data. Of
 * several entries with one name the last counts, as if the archive had been unpacked. Entries that would leave the
 * root are left out. Throws IO for what is not a tar file or is cut short, SIZE_LIMIT for one with absurdly much in it.
 */
export async function readTarIndex(
  handle: FileHandle,
  { signal }: OperationOptions = {},
): Promise<Map<string, TarEntry>> {
  const read = windowedReader(handle)
  const { size: archiveBytes } = await handle.stat()
  const entries = new Map<string, TarEntry>()
  const globals = new Map<string, string>()
  let extension: Extension = {}
  let position = 0
  for (let count = 1; position + tarBlockBytes <= archiveBytes; count++) {
    signal?.throwIfAborted()
    const header = parseTarHeader(await read(position, tarBlockBytes))
    if (!header) return entries
    if (count > maxEntries) throw new TransloadError('SIZE_LIMIT', `tar file has more than ${maxEntries} entries`)
    const isExtension = 'LKxg'.includes(header.typeFlag)
    const pax = new Map([...globals, ...(extension.pax ?? [])])
    const size = isExtension ? header.size : dataBytes(header, pax)
    const offset = header.typeFlag === 'S' ? await endOfSparseMaps(read, position) : position + tarBlockBytes
    if (offset + size > archiveBytes) throw new TransloadError('IO', 'unexpected EOF')
    if (isExtension) {
      extension = extend(extension, globals, header.typeFlag, await readExtension(read, offset, size))
    } else {
      const entry = entryOf(header, { ...extension, pax }, offset, size)
      if (entry) entries.set(entry.name, entry)
      extension = {}
    }
    position = offset + size + tarPaddingBytes(size)
  }
  // Other tools too allow that the blocks of zeros are missing, and the padding before them.
  if (position === 0 || position < archiveBytes) throw new TransloadError('IO', 'unexpected EOF')
  return entries
}

/** A name of an archive in its shortest form; undefined when it leaves the root or is the root itself. */
export function cleanTarName(name: string): string | undefined {
  const clean = posix.normalize(`./${name}`).replace(/\/$/, '')
  return clean === '.' || clean === '..' || clean.startsWith('../') || /[\\\0]/.test(clean) ? undefined : clean
}

/** What extended headers said about the entry that follows them. */
interface Extension {
  readonly longName?: string
  readonly longLink?: string
  readonly pax?: ReadonlyMap<string, string>
}

type ReadAt = (position: number, length: number) => Promise<Uint8Array>

async function readExtension(read: ReadAt, offset: number, size: number): Promise<Uint8Array> {
  if (size <= maxExtendedHeaderBytes) return await read(offset, size)
  throw new TransloadError(
    'SIZE_LIMIT',
    `extended header in tar file: exceeded maximum allowed size of ${maxExtendedHeaderBytes} bytes`,
  )
}

/** A GNU sparse header may be followed by blocks that belong to it, each saying whether another comes. */
async function endOfSparseMaps(read: ReadAt, header: number): Promise<number> {
  let end = header + tarBlockBytes
  for (let flag = header + 482; (await read(flag, 1))[0] === 1; flag = end - 8) end += tarBlockBytes
  return end
}

function extend(extension: Extension, globals: Map<string, string>, typeFlag: string, data: Uint8Array): Extension {
  if (typeFlag === 'L') return { ...extension, longName: cString(data) }
  if (typeFlag === 'K') return { ...extension, longLink: cString(data) }
  const records = parsePaxRecords(data)
  if (typeFlag === 'x') return { ...extension, pax: records }
  for (const [key, value] of records) globals.set(key, value)
  return extension
}

/** Undefined when its name leaves the root. */
function entryOf(
  header: TarHeader,
  { longName, longLink, pax }: Extension,
  offset: number,
  size: number,
): TarEntry | undefined {
  const isSparse = header.typeFlag === 'S' || pax?.keys().some((key) => key.startsWith('GNU.sparse.'))
  const type: TarEntryType = isSparse ? 'sparse' : (entryTypes[header.typeFlag] ?? 'other')
  const name = cleanTarName(pax?.get('GNU.sparse.name') ?? pax?.get('path') ?? longName ?? header.name)
  if (name === undefined) return undefined
  const linkName = pax?.get('linkpath') ?? longLink ?? header.linkName
  return {
    name,
    type,
    offset,
    size: type === 'file' || type === 'sparse' ? size : 0,
    linkName: type === 'hardlink' ? (cleanTarName(linkName) ?? '') : linkName,
  }
}

const entryTypes: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
}

/** Links, directories and devices have no data, whatever their size field says; hard links may, in PAX archives only. */
function dataBytes(header: TarHeader, pax: ReadonlyMap<string, string>): number {
  if ('23456'.includes(header.typeFlag)) return 0
  if (header.typeFlag === '1' && !pax.has('size')) return 0
  const stated = pax.get('size')
  if (stated === undefined) return header.size
  const size = Number(stated)
  if (!/^\d+$/.test(stated) || !Number.isSafeInteger(size)) {
    throw new TransloadError('IO', 'invalid size in PAX extended header of tar file')
  }
  return size
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}

/** Neighbouring headers come out of one read; data between distant ones is never read. The result is valid until the next call. */
function windowedReader(handle: FileHandle): ReadAt {
  let window: Uint8Array = new Uint8Array(0)
  let start = 0
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      const buffer = Buffer.allocUnsafe(Math.max(windowBytes, length))
      let filled = 0
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      window = buffer.subarray(0, filled)
      start = position
      if (filled < length) throw new TransloadError('IO', 'unexpected EOF')
    }
    return window.subarray(position - start, position - start + length)
  }
}
