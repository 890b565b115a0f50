import { TransloadError } from '@transload/contract'

import { readBytes, readNumber } from './tar-header.ts'

/** What the headers of a tar entry say, extended headers applied as the field's Go tools apply them. */
export interface TarEntryHeader {
  /** As written, so not always UTF-8. */
  readonly name: Buffer
  readonly linkName: Buffer
  /** `0` for every regular file, `5` for a directory; otherwise as written. */
  readonly typeFlag: string
  /** As stated; entries that are not files have no content whatever it says. */
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly modified: TarTime
  readonly accessed: TarTime | undefined
  readonly changed: TarTime | undefined
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** Extended attributes by name. */
  readonly attributes: ReadonlyMap<string, Buffer>
  /** Only parts of the file are stored. */
  readonly isSparse: boolean
}

export interface TarTime {
  /** Since 1970, rounded down. */
  readonly seconds: number
  readonly nanoseconds: number
}

/** What the extended headers before an entry said. */
export interface TarExtension {
  readonly longName?: Buffer
  readonly longLink?: Buffer
  readonly pax?: ReadonlyMap<string, Buffer>
}

/** Reads the header block of an entry, of which the checksum has been verified. Throws IO for what makes no sense. */
export function parseTarEntry(block: Uint8Array, { longName, longLink, pax }: TarExtension): TarEntryHeader {
  const text = (key: string): string | undefined => pax?.get(key)?.toString() || undefined
  const value = (key: string): Buffer | undefined => (pax?.get(key)?.length ? pax.get(key) : undefined)
  const number = (from: number, to: number): number => checked(readNumber(block.subarray(from, to)))
  const { prefix, accessed, changed } = variantFields(block)
  const own = readBytes(block.subarray(0, 100))
  const name = longName ?? value('path') ?? (prefix.length > 0 ? Buffer.concat([prefix, slash, own]) : own)
  const hasDevice = magicOf(block) !== ''
  return {
    name,
    linkName: longLink ?? value('linkpath') ?? readBytes(block.subarray(157, 257)),
    typeFlag: typeOf(block[156]!, name),
    size: decimal(text('size')) ?? number(124, 136),
    mode: number(100, 108),
    uid: decimal(text('uid')) ?? number(108, 116),
    gid: decimal(text('gid')) ?? number(116, 124),
    modified: paxTime(text('mtime')) ?? wholeSeconds(number(136, 148)),
    accessed: paxTime(text('atime')) ?? accessed,
    changed: paxTime(text('ctime')) ?? changed,
    deviceMajor: hasDevice ? number(329, 337) : 0,
    deviceMinor: hasDevice ? number(337, 345) : 0,
    attributes: extendedAttributes(pax),
    isSparse: block[156] === 0x53 || (pax?.keys().some((key) => key.startsWith('GNU.sparse.')) ?? false),
  }
}

const slash = Buffer.from('/')
const attributePrefix = 'SCHILY.xattr.'

function extendedAttributes(pax: ReadonlyMap<string, Buffer> | undefined): Map<string, Buffer> {
  const own = (pax?.entries() ?? []) as Iterable<[string, Buffer]>
  return new Map(
    [...own].flatMap(([key, value]) =>
      key.startsWith(attributePrefix) ? [[key.slice(attributePrefix.length), value]] : [],
    ),
  )
}

/** Legacy archives mark files by a zero, and directories by a slash at the end of the name too. */
function typeOf(flag: number, name: Buffer): string {
  if (flag !== 0) return String.fromCharCode(flag)
  return name.at(-1) === 0x2f ? '5' : '0'
}

type Magic = 'ustar' | 'gnu' | 'star' | ''

function magicOf(block: Uint8Array): Magic {
  const magic = Buffer.from(block.buffer, block.byteOffset + 257, 8).toString('latin1')
  if (magic === 'ustar  \0') return 'gnu'
  if (!magic.startsWith('ustar\0')) return ''
  return Buffer.from(block.buffer, block.byteOffset + 508, 4).toString('latin1') === 'tar\0' ? 'star' : 'ustar'
}

interface VariantFields {
  readonly prefix: Buffer
  readonly accessed?: TarTime
  readonly changed?: TarTime
}

/** The last part of the block, which each dialect uses its own way. */
function variantFields(block: Uint8Array): VariantFields {
  const magic = magicOf(block)
  if (magic === 'gnu') return { prefix: Buffer.alloc(0), ...timesAt(block, 345) }
  if (magic === 'star') return { prefix: readBytes(block.subarray(345, 476)), ...timesAt(block, 476) }
  return { prefix: magic === 'ustar' ? readBytes(block.subarray(345, 500)) : Buffer.alloc(0) }
}

/** Access and change, 12 bytes each, which begin with a zero where they are not known. */
function timesAt(block: Uint8Array, start: number): Omit<VariantFields, 'prefix'> {
  const [accessed, changed] = [start, start + 12].map((from) => {
    const field = block.subarray(from, from + 12)
    return field[0] === 0 ? undefined : wholeSeconds(checked(readNumber(field)))
  })
  return { ...(accessed ? { accessed } : {}), ...(changed ? { changed } : {}) }
}

function checked(value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw new TransloadError('IO', 'invalid tar header')
}

function decimal(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new TransloadError('IO', 'invalid number in PAX extended header of tar file')
  return value
}

function wholeSeconds(seconds: number): TarTime {
  return { seconds, nanoseconds: 0 }
}

/** `SECONDS[.FRACTION]`, possibly negative; what is beyond nanoseconds is cut off. */
function paxTime(text: string | undefined): TarTime | undefined {
  if (text === undefined) return undefined
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? []
  if (whole === undefined) throw new TransloadError('IO', 'invalid time in PAX extended header of tar file')
  const seconds = checked(Number(whole))
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign !== '-') return { seconds, nanoseconds }
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds }
}
