import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'

/** Compresses blocks, each to a zstd frame of its own, on several threads. Disposing it ends what is under way. */
export interface ZstdFrames extends Disposable {
  /** The frame depends on the block and the level alone. The block is not to be changed before. */
  encode(block: Uint8Array): Promise<Uint8Array>
}

/** As many as blocks are encoded at once. */
const encodersAtMost = 3
const chunkBytes = 16 * 1024
/** No block is longer by much: a larger window is memory alone, of every encoder of every layer under way. */
const windowLog = 20

interface ZstdFramesOptions {
  /** Most are of 64 KiB or less, so that large tables would cost more than they find. */
  readonly areBlocksShort?: boolean
}

/** Up to here zstd's own are no larger. */
const lastLevelOfSmallTables = 3
/** Two entries for every byte of a block of 64 KiB. */
const shortBlockTables = { [constants.ZSTD_c_hashLog]: 17, [constants.ZSTD_c_chainLog]: 17 }

/**
 * Blocks take turns on a few encoders. One for every block would cost more than small blocks do themselves, and Node
 * frees an encoder's memory, a megabyte and more, only with the object.
 */
export function createZstdFrames(level: number, options: ZstdFramesOptions = {}): ZstdFrames {
  const lanes: Lane[] = []
  let count = 0
  return {
    encode: (block) => (lanes[count++ % encodersAtMost] ??= createLane(level, options)).encode(block),
    [Symbol.dispose]: () => {
      for (const { encoder } of lanes) encoder.destroy()
    },
  }
}

interface Lane {
  readonly encoder: ZstdCompress
  encode(block: Uint8Array): Promise<Uint8Array>
}

function createLane(level: number, { areBlocksShort = false }: ZstdFramesOptions): Lane {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: windowLog,
    ...(areBlocksShort && level > lastLevelOfSmallTables ? shortBlockTables : {}),
  }
  const encoder = createZstdCompress({ params, chunkSize: chunkBytes })
  let chunks: Buffer[] = []
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
  let settle: ((error?: Error) => void) | undefined
  encoder.on('error', (error) => settle?.(error))
  encoder.on('close', () => settle?.(new Error('the encoder was closed')))
  const encodeNow = (block: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      settle = (error) => {
        if (error) return reject(error)
        resolve(Buffer.concat(chunks))
        chunks = []
      }
      if (encoder.destroyed) return settle(new Error('the encoder was closed'))
      encoder.write(block)
      encoder.flush(constants.ZSTD_e_end, () => settle?.())
    })
  let last: Promise<unknown> = Promise.resolve()
  return {
    encoder,
    encode: (block) => {
      const frame = last.then(() => encodeNow(block))
      // Whoever waits for the frame sees it fail, and the next ones fail by themselves.
      last = frame.catch(() => undefined)
      return frame
    },
  }
}
