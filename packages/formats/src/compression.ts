import { Readable } from 'node:stream'

import { decodeZstd, throughTransform, TransloadError, type Stage } from '@transload/contract'

export type Compression = 'gzip' | 'bzip2' | 'xz' | 'zstd'

/** Bytes {@link detectCompression} wants to see. */
export const compressionMagicBytes = 6

const magic: Readonly<Record<Compression, readonly number[]>> = {
  gzip: [0x1f, 0x8b, 0x08],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
}

/** What the first bytes of a file say; undefined for anything else, such as a tar file. */
export function detectCompression(head: Uint8Array): Compression | undefined {
  const names = Object.keys(magic) as Compression[]
  return names.find((name) => magic[name].every((byte, index) => head[index] === byte))
}

/**
 * A stage that decompresses; several members, frames or streams after one another are one. Memory is bounded
 * whatever the input says, the length of the output is not. Throws IO for damaged data and rethrows errors of the
 * input as they are.
 */
export function decompressor(compression: Compression): Stage {
  return async function* (input) {
    let inputError: { readonly error: unknown } | undefined
    const watched = rememberError(input, (error) => (inputError = { error }))
    try {
      yield* decoders[compression](watched)
    } catch (cause) {
      if (inputError) throw inputError.error
      if (TransloadError.is(cause)) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new TransloadError('IO', `damaged ${compression} data: ${reason}`, { cause })
    }
  }
}

const outputChunkBytes = 256 * 1024

const decoders: Readonly<Record<Compression, Stage>> = {
  async *gzip(input) {
    const { createGunzip } = await import('node:zlib')
    yield* throughTransform(() => createGunzip({ chunkSize: outputChunkBytes }))(input)
  },
  zstd: decodeZstd,
  async *bzip2(input) {
    const { decompressBzip2 } = await import('./bzip2.ts')
    yield* decompressBzip2(input)
  },
  async *xz(input) {
    const { default: xz } = await import('xz-decompress')
    // The one web stream: this library speaks nothing else.
    yield* new xz.XzReadableStream(Readable.toWeb(Readable.from(input, { objectMode: false })) as ReadableStream)
  },
}

async function* rememberError(
  input: AsyncIterable<Uint8Array>,
  remember: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* input
  } catch (error) {
    remember(error)
    throw error
  }
}
