import { byteReader, TransloadError, type ByteReader } from '@transload/contract'

import { parseTarEntry, type TarEntryHeader, type TarExtension } from './tar-entry.ts'
import { parsePaxValues, parseTarHeader, readBytes, tarBlockBytes, tarPaddingBytes } from './tar-header.ts'

/** A piece of a tar stream. Put one after the other, `raw` and content are the very bytes of the stream. */
export type TarPiece = TarPieceEntry | TarPieceEnd

export interface TarPieceEntry {
  readonly kind: 'entry'
  /** All bytes since the content before: its padding, extended headers with their bodies, and the header. */
  readonly raw: Buffer
  readonly header: TarEntryHeader
  /** Bytes of content in the stream: not what the header says for links, directories and devices. */
  readonly contentBytes: number
  /** Read once, before the next piece is asked for; what is not read is lost. */
  readonly content: AsyncGenerator<Uint8Array>
}

export interface TarPieceEnd {
  readonly kind: 'end'
  /** The last padding, and the blocks of zeros as far as they are there. */
  readonly raw: Buffer
  /** Whatever follows the end of the archive. */
  readonly content: AsyncGenerator<Uint8Array>
}

/** Of one entry's extended headers; a PAX header of Linux holds at most 64 KiB of extended attributes or so. */
const maxRawBytes = 4 * 1024 * 1024

/**
 * Takes a tar stream apart as it goes by, in the dialects and with the leniencies of the field's Go tools: PAX, GNU and
 * ustar headers; an archive may lack the blocks of zeros at its end. The last piece is always an end. PAX global
 * headers are entries of type `g`, and change nothing (containers-storage.md §10.3). Throws IO for what is no tar file
 * or is cut short, SIZE_LIMIT for absurdly long headers.
 */
export async function* walkTar(input: AsyncIterable<Uint8Array>): AsyncGenerator<TarPiece> {
  const reader = byteReader(input)
  try {
    let padding = 0
    for (;;) {
      const collected = await readHeaders(reader, padding)
      const raw = Buffer.concat(collected.raw)
      if (!collected.entry) {
        yield { kind: 'end', raw, content: reader.rest() }
        return
      }
      const { header, contentBytes, paddingBytes } = collected.entry
      const content = reader.pass(contentBytes)
      yield { kind: 'entry', raw, header, contentBytes, content }
      for await (const _ of content) continue
      padding = paddingBytes
    }
  } finally {
    await reader.close()
  }
}

interface CollectedHeaders {
  readonly raw: readonly Buffer[]
  /** Undefined at the end of the archive. */
  readonly entry: CollectedEntry | undefined
}

interface CollectedEntry {
  readonly header: TarEntryHeader
  readonly contentBytes: number
  /** After the content. */
  readonly paddingBytes: number
}

async function readHeaders(reader: ByteReader, padding: number): Promise<CollectedHeaders> {
  const raw: Buffer[] = []
  let rawBytes = 0
  const take = async (length: number): Promise<Buffer | undefined> => {
    rawBytes += length
    if (rawBytes > maxRawBytes) {
      throw new TransloadError(
        'SIZE_LIMIT',
        `headers in tar file: exceeded maximum allowed size of ${maxRawBytes} bytes`,
      )
    }
    const bytes = length === 0 ? undefined : await reader.take(length)
    if (bytes) raw.push(bytes)
    return bytes
  }
  const need = async (length: number): Promise<Buffer> => {
    const bytes = await take(length)
    if (!bytes) throw new TransloadError('IO', 'unexpected EOF')
    return bytes
  }
  // Padding missing at the very end is forgiven.
  if (padding > 0 && !(await take(padding))) return { raw, entry: undefined }
  let extension: TarExtension = {}
  for (let isFirst = true; ; isFirst = false) {
    const block = await take(tarBlockBytes)
    if (!block) {
      if (!isFirst) throw new TransloadError('IO', 'unexpected EOF')
      return { raw, entry: undefined }
    }
    const basic = parseTarHeader(block)
    if (!basic) {
      const second = await take(tarBlockBytes)
      if (second && parseTarHeader(second)) throw new TransloadError('IO', 'invalid tar header')
      return { raw, entry: undefined }
    }
    if (!'xgLK'.includes(basic.typeFlag)) {
      const header = parseTarEntry(block, extension)
      for (let more = header.typeFlag === 'S' && block[482] === 1; more;) more = (await need(tarBlockBytes))[504] === 1
      const contentBytes = contentBytesOf(header)
      return { raw, entry: { header, contentBytes, paddingBytes: tarPaddingBytes(contentBytes) } }
    }
    const body = basic.size === 0 ? Buffer.alloc(0) : await need(basic.size)
    const paddingBytes = tarPaddingBytes(basic.size)
    if (basic.typeFlag === 'g') {
      return { raw, entry: { header: { ...parseTarEntry(block, {}), size: 0 }, contentBytes: 0, paddingBytes } }
    }
    if (paddingBytes > 0) await need(paddingBytes)
    extension = extend(extension, basic.typeFlag, body)
  }
}

function extend(extension: TarExtension, typeFlag: string, body: Buffer): TarExtension {
  if (typeFlag === 'L') return { ...extension, longName: readBytes(body) }
  if (typeFlag === 'K') return { ...extension, longLink: readBytes(body) }
  return { ...extension, pax: parsePaxValues(body) }
}

/** Links, directories and devices have none. */
function contentBytesOf({ typeFlag, size }: TarEntryHeader): number {
  if ('123456'.includes(typeFlag)) return 0
  if (size < 0) throw new TransloadError('IO', 'invalid size in tar header')
  return size
}
