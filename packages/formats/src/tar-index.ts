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
  let extension: Extension = {}
  let globals = new Map<string, string>()
  let count = 0
  for (let position = 0; position + tarBlockBytes <= archiveBytes;) {
    signal?.throwIfAborted()
    const header = parseTarHeader(await read(position, tarBlockBytes))
    if (!header) break
    if (++count > maxEntries) throw new TransloadError('SIZE_LIMIT', `tar file has more than ${maxEntries} entries`)
    const offset = position + tarBlockBytes
    const isExtended = 'LKxg'.includes(header.typeFlag)
    const size = isExtended ? header.size : dataBytes(header, extension)
    position = offset + size + tarPaddingBytes(size)
    // The padding of the last entry may be missing, as other tools allow.
    if (offset + size > archiveBytes) throw new TransloadError('IO', 'unexpected end of tar file')
    if (!isExtended) {
      addEntry(entries, header, extension, offset, size)
      extension = { pax: globals }
      continue
    }
    if (size > maxExtendedHeaderBytes) {
      throw new TransloadError(
        'SIZE_LIMIT',
        `extended header in tar file: exceeded maximum allowed size of ${maxExtendedHeaderBytes} bytes`,
      )
    }
    const data = await read(offset, size)
    if (header.typeFlag === 'L') extension = { ...extension, longName: cString(data) }
    else if (header.typeFlag === 'K') extension = { ...extension, longLink: cString(data) }
    else {
      const pax = new Map([...(extension.pax ?? globals), ...parsePaxRecords(data)])
      if (header.typeFlag === 'g') globals = pax
      extension = { ...extension, pax }
    }
  }
  if (count === 0 && archiveBytes < tarBlockBytes) throw new TransloadError('IO', 'not a tar file')
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

function addEntry(
  entries: Map<string, TarEntry>,
  header: TarHeader,
  { longName, longLink, pax }: Extension,
  offset: number,
  size: number,
): void {
  const isSparse = header.typeFlag === 'S' || pax?.keys().some((key) => key.startsWith('GNU.sparse.'))
  const type: TarEntryType = isSparse ? 'sparse' : (entryTypes[header.typeFlag] ?? 'other')
  const sparseName = isSparse ? pax?.get('GNU.sparse.name') : undefined
  const name = cleanTarName(sparseName ?? pax?.get('path') ?? longName ?? header.name)
  if (name === undefined) return
  const linkName = pax?.get('linkpath') ?? longLink ?? header.linkName
  entries.set(name, {
    name,
    type,
    offset,
    size: type === 'file' || type === 'sparse' ? size : 0,
    linkName: type === 'hardlink' ? (cleanTarName(linkName) ?? '') : linkName,
  })
}

const entryTypes: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
}

/** Links, directories and devices have no data, whatever their size field says; hard links may, in PAX archives only. */
function dataBytes(header: TarHeader, { pax }: Extension): number {
  if ('23456'.includes(header.typeFlag)) return 0
  if (header.typeFlag === '1' && !pax?.has('size')) return 0
  const stated = pax?.get('size')
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
function windowedReader(handle: FileHandle): (position: number, length: number) => Promise<Uint8Array> {
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
      if (filled < length) throw new TransloadError('IO', 'unexpected end of tar file')
    }
    return window.subarray(position - start, position - start + length)
  }
}
