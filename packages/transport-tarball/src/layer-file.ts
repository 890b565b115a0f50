import { open, type FileHandle } from 'node:fs/promises'

import {
  createDigester,
  mediaTypes,
  systemErrorCode,
  systemErrorText,
  TransloadError,
  type Digest,
  type Digester,
  type OpenOptions,
  type OperationOptions,
} from '@transload/contract'
import {
  decompressor,
  detectCompression,
  readFileRange,
  spool,
  type Compression,
  type MadeLayer,
} from '@transload/formats'

/** A tar file, perhaps compressed, as a layer. */
export interface LayerFile extends MadeLayer {
  /** Digest of the tar itself. */
  readonly diffId: Digest
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint
}

/** Reads the file once, for its digests; it is opened again to be copied. Throws MANIFEST_UNKNOWN if it is not there, IO. */
export async function openLayerFile(path: string, { signal }: OperationOptions): Promise<LayerFile> {
  const handle = await openFile(path)
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true })
    const read = async function* (options?: OperationOptions): AsyncGenerator<Uint8Array> {
      await using file = await openFile(path)
      yield* readFileRange(file, 0, Number(size), options)
    }
    return { ...(await describe(path, handle, Number(size), { signal })), read, file: path, modifiedNs: mtimeNs }
  } finally {
    await handle.close()
  }
}

/** What comes out of a stream, put aside on disk until it is disposed. As a file it is as old as now. */
export async function spoolLayer(
  input: AsyncIterable<Uint8Array>,
  { tempDirectory, signal }: Pick<OpenOptions, 'tempDirectory' | 'signal'>,
): Promise<LayerFile & AsyncDisposable> {
  await using opened = new AsyncDisposableStack()
  const { handle, size } = opened.use(await spool(input, { tempDirectory, signal }))
  const layer = await describe('-', handle, size, { signal })
  const owned = opened.move()
  return {
    ...layer,
    read: (options) => readFileRange(handle, 0, size, options),
    modifiedNs: BigInt(Date.now()) * 1_000_000n,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    const code = systemErrorCode(cause) === 'ENOENT' ? 'MANIFEST_UNKNOWN' : 'IO'
    throw new TransloadError(code, `error opening ${JSON.stringify(path)}: open ${path}: ${systemErrorText(cause)}`, {
      cause,
    })
  }
}

/** skopeo calls bzip2 and xz gzip too. */
const layerTypes: Readonly<Record<Compression, string>> = {
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  bzip2: mediaTypes.ociLayerGzip,
  xz: mediaTypes.ociLayerGzip,
}

async function describe(
  path: string,
  handle: FileHandle,
  size: number,
  options: OperationOptions,
): Promise<Pick<LayerFile, 'descriptor' | 'diffId'>> {
  try {
    const stored = createDigester()
    const content = createDigester()
    const compression = await readCompression(handle, size)
    const bytes = hashed(readFileRange(handle, 0, size, options), stored)
    for await (const chunk of compression ? decompressor(compression)(bytes) : bytes) content.update(chunk)
    if (stored.size !== size) throw new TransloadError('IO', 'something follows the compressed data')
    return {
      descriptor: {
        mediaType: compression ? layerTypes[compression] : mediaTypes.ociLayer,
        digest: stored.digest(),
        size,
      },
      diffId: content.digest(),
    }
  } catch (cause) {
    options.signal?.throwIfAborted()
    const text = systemErrorText(cause)
    const problem = systemErrorCode(cause) === 'EISDIR' ? `read ${path}: ${text}` : text
    throw new TransloadError('IO', `error reading ${JSON.stringify(path)}: ${problem}`, { cause })
  }
}

async function readCompression(handle: FileHandle, size: number): Promise<Compression | undefined> {
  const magicBytes = 6
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicBytes), 0, Math.min(magicBytes, size), 0)
  return detectCompression(buffer.subarray(0, bytesRead))
}

async function* hashed(input: AsyncIterable<Uint8Array>, digester: Digester): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    digester.update(chunk)
    yield chunk
  }
}
