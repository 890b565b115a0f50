import { open, type FileHandle } from 'node:fs/promises'

import { systemErrorCode, TransloadError } from '@transload/contract'

/** What a SIF file holds of an image. */
export interface SifFile {
  readonly path: string
  /** Of the file, as a UUID. */
  readonly id: string
  /** As images name it; `unknown` for one that SIF has no name for. */
  readonly architecture: string
  /** Seconds since 1970. */
  readonly modifiedSeconds: number
  /** Where the root filesystem, a squashfs, lies in the file, in bytes. */
  readonly root: { readonly offset: number; readonly size: number }
  /** Text of the definition file; undefined if there is none, or several. */
  readonly definition: string | undefined
}

/*
 * Singularity Image Format: a header, and a table of descriptors of data objects. Everything is little-endian and
 * packed.
 */
const headerBytes = 128
const descriptorBytes = 585
const maxDescriptors = 4096
const maxDefinitionBytes = 1024 * 1024
/** The end of the year 9999: image configs have no later times. */
const maxSeconds = 253_402_300_799

const dataTypes = { definition: 0x4001, partition: 0x4004 } as const
const primarySystemPartition = 2
const squashfs = 1

const architectures: Readonly<Record<string, string>> = {
  '01': '386',
  '02': 'amd64',
  '03': 'arm',
  '04': 'arm64',
  '05': 'ppc64',
  '06': 'ppc64le',
  '07': 'mips',
  '08': 'mipsle',
  '09': 'mips64',
  '10': 'mips64le',
  '11': 's390x',
  '12': 'riscv64',
}

/** Throws MANIFEST_INVALID for a file that is no SIF or has no root filesystem we can read, MANIFEST_UNKNOWN if there is none. */
export async function readSifFile(path: string): Promise<SifFile> {
  await using file = await openFile(path)
  const header = await readAt(file, 0, headerBytes)
  if (header?.toString('latin1', 32, 42) !== 'SIF_MAGIC\0') throw invalid('invalid SIF magic')
  if (header.toString('latin1', 42, 44) !== '01') throw invalid('incompatible SIF version')
  const descriptors = await readDescriptors(file, header)
  return {
    path,
    id: uuidText(header.subarray(48, 64)),
    architecture: architectures[header.toString('latin1', 45, 47)] ?? 'unknown',
    modifiedSeconds: modificationTime(header),
    root: rootPartition(descriptors),
    definition: await readDefinition(file, descriptors),
  }
}

function modificationTime(header: Buffer): number {
  const seconds = Number(header.readBigInt64LE(72))
  if (seconds < 0 || seconds > maxSeconds) throw invalid(`implausible modification time: ${seconds}`)
  return seconds
}

interface DataObject {
  readonly dataType: number
  readonly offset: number
  readonly size: number
  /** What is particular to its type. */
  readonly extra: Buffer
}

async function readDescriptors(file: FileHandle, header: Buffer): Promise<readonly DataObject[]> {
  const total = Number(header.readBigInt64LE(88))
  if (total < 0 || total > maxDescriptors) throw invalid(`implausible number of descriptors: ${total}`)
  const table = await readAt(file, Number(header.readBigInt64LE(96)), total * descriptorBytes)
  if (!table) throw invalid('reading descriptors: unexpected EOF')
  return Array.from({ length: total }, (_, index) => table.subarray(index * descriptorBytes))
    .filter((bytes) => bytes[4] !== 0)
    .map((bytes) => ({
      dataType: bytes.readInt32LE(0),
      offset: Number(bytes.readBigInt64LE(17)),
      size: Number(bytes.readBigInt64LE(25)),
      extra: bytes.subarray(201, descriptorBytes),
    }))
}

function rootPartition(objects: readonly DataObject[]): SifFile['root'] {
  const [root, ...others] = objects.filter(
    ({ dataType, extra }) => dataType === dataTypes.partition && extra.readInt32LE(4) === primarySystemPartition,
  )
  if (!root) throw invalid('looking up rootfs from SIF file: object not found')
  if (others.length > 0) throw invalid('looking up rootfs from SIF file: multiple objects found')
  if (root.extra.readInt32LE(0) !== squashfs) throw invalid('the root filesystem is not a plain squashfs')
  const { offset, size } = root
  checkExtent(offset, size)
  return { offset, size }
}

async function readDefinition(file: FileHandle, objects: readonly DataObject[]): Promise<string | undefined> {
  const [definition, ...others] = objects.filter(({ dataType }) => dataType === dataTypes.definition)
  if (!definition || others.length > 0) return undefined
  if (definition.size > maxDefinitionBytes) throw invalid('the definition file is larger than 1 MiB')
  const bytes = await readAt(file, definition.offset, definition.size)
  if (!bytes) throw invalid('reading the definition file: unexpected EOF')
  return bytes.toString()
}

/** Undefined when the file ends before. */
async function readAt(file: FileHandle, offset: number, size: number): Promise<Buffer | undefined> {
  checkExtent(offset, size)
  const bytes = Buffer.alloc(size)
  for (let filled = 0; filled < size;) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, offset + filled)
    if (bytesRead === 0) return undefined
    filled += bytesRead
  }
  return bytes
}

/** Numbers of 64 bits: what does not fit into a file that anybody has is not read exactly either. */
function checkExtent(offset: number, size: number): void {
  const isPossible = offset >= 0 && size >= 0 && Number.isSafeInteger(offset) && Number.isSafeInteger(offset + size)
  if (!isPossible) throw invalid('an object lies outside of the file')
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    throw new TransloadError('MANIFEST_UNKNOWN', `loading SIF file: open ${path}: no such file or directory`, { cause })
  }
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function invalid(problem: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', `loading SIF file: ${problem}`)
}
