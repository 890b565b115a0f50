import { TransloadError } from '@transload/contract'

/** Headers and data of a tar file start at multiples of this. */
export const tarBlockBytes = 512

/** `sparse` is a file of which only parts are stored; `other` a device, a FIFO or something of a vendor. */
export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'sparse' | 'other'

/** What one header block says (POSIX ustar, or GNU's variant), before extended headers are applied. */
export interface TarHeader {
  readonly name: string
  readonly typeFlag: string
  /** Bytes of data that follow the header. */
  readonly size: number
  readonly linkName: string
}

/** Bytes from the end of an entry's data to the next header. */
export function tarPaddingBytes(size: number): number {
  return (tarBlockBytes - (size % tarBlockBytes)) % tarBlockBytes
}

/** Reads a header block; undefined for a block of zeros, which ends the archive. Throws IO when it is no header. */
export function parseTarHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (readNumber(block.subarray(148, 156)) !== checksum(block)) {
    throw new TransloadError('IO', 'invalid tar header')
  }
  const size = readNumber(block.subarray(124, 136))
  if (!Number.isSafeInteger(size) || size < 0) throw new TransloadError('IO', 'invalid size in tar header')
  const name = readText(block.subarray(0, 100))
  // GNU's variant, with two blanks, has times where ustar has the prefix.
  const isUstar = readText(block.subarray(257, 263)) === 'ustar' && block[262] === 0
  const prefix = isUstar ? readText(block.subarray(345, 500)) : ''
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    typeFlag: block[156] === 0 ? '0' : String.fromCharCode(block[156]!),
    size,
    linkName: readText(block.subarray(157, 257)),
  }
}

/** Records of a PAX extended header, `LENGTH KEY=VALUE\n`, values as text. Throws IO when malformed. */
export function parsePaxRecords(bytes: Uint8Array): Map<string, string> {
  return new Map(
    parsePaxValues(bytes)
      .entries()
      .map(([key, value]) => [key, value.toString()]),
  )
}

/** As {@link parsePaxRecords}, but values as they are: names and extended attributes need not be UTF-8. */
export function parsePaxValues(bytes: Uint8Array): Map<string, Buffer> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records = new Map<string, Buffer>()
  for (let start = 0; start < buffer.length;) {
    const blank = buffer.indexOf(0x20, start)
    const length = Number(buffer.toString('latin1', start, blank))
    const end = start + length
    const equals = buffer.indexOf(0x3d, blank)
    if (blank < 0 || !(length > 0) || end > buffer.length || equals < 0 || equals >= end || buffer[end - 1] !== 0x0a) {
      throw new TransloadError('IO', 'invalid PAX extended header in tar file')
    }
    records.set(buffer.toString('utf8', blank + 1, equals), buffer.subarray(equals + 1, end - 1))
    start = end
  }
  return records
}

export interface NewTarHeader {
  readonly name: string
  /** Bytes; 0 for a link. */
  readonly size: number
  /** Makes the entry a symbolic link to this. */
  readonly linkTo?: string
  readonly mode: number
  /** Seconds since 1970. */
  readonly modifiedSeconds: number
}

/** The longest name, in bytes, a header block holds. Longer ones take a PAX extended header before it. */
const maxNameBytes = 100

/** Owner 0:0; deterministic. One block, or three when the name or the link's target has more than 100 bytes. */
export function encodeTarHeader(header: NewTarHeader): Buffer {
  const { name, linkTo } = header
  const typeFlag = linkTo === undefined ? '0' : '2'
  const records = Buffer.from(longNameRecord('path', name) + longNameRecord('linkpath', linkTo ?? ''))
  if (records.length === 0) return encodeBlock(header, typeFlag)
  return Buffer.concat([
    encodeBlock({ ...header, name: 'PaxHeader', size: records.length }, 'x'),
    records,
    Buffer.alloc(tarPaddingBytes(records.length)),
    encodeBlock(header, typeFlag),
  ])
}

/** Names are cut to what fits. */
function encodeBlock({ name, size, linkTo, mode, modifiedSeconds }: NewTarHeader, typeFlag: string): Buffer {
  const block = Buffer.alloc(tarBlockBytes)
  block.write(name, 0, maxNameBytes)
  block.write(octal(mode, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  writeSize(block, size)
  block.write(octal(modifiedSeconds, 11), 136)
  block.write(typeFlag, 156)
  if (linkTo !== undefined) block.write(linkTo, 157, maxNameBytes)
  block.write('ustar\u000000', 257)
  block.write(octal(0, 7), 329)
  block.write(octal(0, 7), 337)
  block.write(`${octal(checksum(block), 6)}\0 `, 148)
  return block
}

/** From 8 GiB on the octal field is too narrow, and the size is a big-endian number marked by the top bit. */
function writeSize(block: Buffer, size: number): void {
  if (size < 8 ** 11) {
    block.write(octal(size, 11), 124)
    return
  }
  block[124] = 0x80
  block.writeBigUInt64BE(BigInt(size), 128)
}

/** Empty for a name that fits into a block. */
function longNameRecord(key: string, name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return ''
  const rest = Buffer.byteLength(` ${key}=${name}\n`)
  let length = rest
  // The length counts its own digits.
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${name}\n`
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** The sum of the block's bytes with the checksum field taken as blanks. */
function checksum(block: Uint8Array): number {
  let sum = 8 * 0x20
  for (let index = 0; index < tarBlockBytes; index++) if (index < 148 || index >= 156) sum += block[index]!
  return sum
}

function readText(field: Uint8Array): string {
  return readBytes(field).toString('utf8')
}

/** A field's bytes up to the first zero. */
export function readBytes(field: Uint8Array): Buffer {
  const end = field.indexOf(0)
  return Buffer.from(field.buffer, field.byteOffset, end < 0 ? field.length : end)
}

/** Octal digits, or base 256 when the top bit is set. NaN when it is neither. */
export function readNumber(field: Uint8Array): number {
  if ((field[0]! & 0x80) === 0) {
    const digits = readText(field).trim()
    return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
  }
  // Two's complement: the second bit is the sign.
  let value = (field[0]! & 0x40) === 0 ? field[0]! & 0x3f : (field[0]! & 0x3f) - 0x40
  for (const byte of field.subarray(1)) value = value * 256 + byte
  return value
}
