import { encodeJson, TransloadError } from '@transload/contract'

import type { TarEntryHeader, TarTime } from './tar-entry.ts'

/** Where a part of a file lies in the compressed layer. */
export interface TocChunk {
  /** In the file. */
  readonly chunkOffset: number
  readonly size: number
  readonly isZeros: boolean
  /** Of the part, `sha256:…`; not needed where it is the only one. */
  readonly digest: string | undefined
  /** Of its frame in the layer. */
  readonly offset: number
}

/** The content of a file in the compressed layer. */
export interface TocContent {
  readonly digest: string
  readonly chunks: readonly TocChunk[]
  /** Of the end of the last frame. */
  readonly endOffset: number
}

const types: Readonly<Record<string, string>> = {
  '0': 'reg',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'dir',
  '6': 'fifo',
}

/**
 * The entries that the table of contents of a zstd:chunked layer has for one entry of its tar, as the JSON members of
 * its list (formats.md §5.9): one, and one more for every further chunk of the content. Readers compare them with the
 * tar's headers. Throws CONVERSION_IMPOSSIBLE for what such a table can not say.
 */
export function tocEntries(header: TarEntryHeader, content: TocContent | undefined): readonly string[] {
  const name = text(header.name, 'name')
  const type = types[header.typeFlag]
  if (type === undefined || header.isSparse) {
    const kind = header.isSparse ? 'sparse file' : `entry of type "${header.typeFlag}"`
    throw unsayable(`${kind} ${JSON.stringify(name)}`)
  }
  const [first, ...others] = content?.chunks ?? []
  const main = {
    type,
    name,
    linkName: text(header.linkName, 'link') || undefined,
    mode: header.mode || undefined,
    size: header.size || undefined,
    uid: header.uid || undefined,
    gid: header.gid || undefined,
    modtime: time(header.modified),
    accesstime: header.accessed && time(header.accessed),
    changetime: header.changed && time(header.changed),
    devMajor: header.deviceMajor || undefined,
    devMinor: header.deviceMinor || undefined,
    xattrs: attributes(header.attributes),
    digest: content?.digest,
    offset: first?.offset,
    endOffset: content?.endOffset,
    ...(first && others.length > 0 ? chunkMembers(first) : {}),
  }
  return [
    encodeJson(main),
    ...others.map((chunk) => encodeJson({ type: 'chunk', name, offset: chunk.offset, ...chunkMembers(chunk) })),
  ]
}

function chunkMembers({ size, chunkOffset, digest, isZeros }: TocChunk): Readonly<Record<string, unknown>> {
  return {
    chunkSize: size,
    chunkOffset: chunkOffset || undefined,
    chunkDigest: digest,
    chunkType: isZeros ? 'zeros' : undefined,
  }
}

function attributes(map: ReadonlyMap<string, Buffer>): Readonly<Record<string, string>> | undefined {
  if (map.size === 0) return undefined
  const names = [...map.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return Object.fromEntries(names.map((name) => [name, map.get(name)!.toString('base64')]))
}

/** RFC 3339 in UTC, with as many digits as there are. */
function time({ seconds, nanoseconds }: TarTime): string {
  const date = new Date(seconds * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) throw unsayable(`time ${seconds} seconds after 1970`)
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`
  return `${date.toISOString().slice(0, 19)}${fraction}Z`
}

function text(bytes: Buffer, what: string): string {
  const decoded = bytes.toString()
  if (Buffer.from(decoded).equals(bytes)) return decoded
  throw unsayable(`${what} ${JSON.stringify(decoded)} that is not UTF-8`)
}

function unsayable(what: string): TransloadError {
  return new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `the table of contents of a zstd:chunked layer can not hold ${what}`,
    {
      hint: 'Use plain zstd.',
    },
  )
}
