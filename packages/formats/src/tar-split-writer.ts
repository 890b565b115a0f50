import { posix } from 'node:path'

import { encodeJson, TransloadError } from '@transload/contract'

/** The longest segment on one line. */
const maxSegmentBytes = 1024 * 1024

/**
 * Writes a tar-split recipe: with it and the contents of the files the very bytes of a tar file can be put together
 * again. One line of JSON an entry, in the order of the tar (containers-storage.md §10).
 */
export class TarSplitWriter {
  readonly #write: (line: string) => Promise<void>
  readonly #names = new Set<string>()
  #position = 0

  /** Lines are given to `write` one at a time, the newline included. */
  constructor(write: (line: string) => Promise<void>) {
    this.#write = write
  }

  /** Bytes of the tar that are kept in the recipe itself. */
  async segment(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += maxSegmentBytes) {
      const { buffer, byteOffset, length } = bytes.subarray(start, start + maxSegmentBytes)
      await this.#line({ type: 2, payload: Buffer.from(buffer, byteOffset, length).toString('base64') })
    }
  }

  /**
   * A file whose content is not in the recipe: `size` bytes of this CRC ({@link createCrc64}) belong here. Entries
   * without content, and those whose content was written as segments, have size 0. Throws CONVERSION_IMPOSSIBLE for a
   * second entry of one path: readers refuse such a recipe.
   */
  async file(name: Buffer, size: number, crc: Buffer): Promise<void> {
    const text = name.toString()
    const isText = Buffer.from(text).equals(name)
    const path = cleanPath(isText ? text : name.toString('latin1'))
    if (this.#names.has(path)) {
      throw new TransloadError(
        'CONVERSION_IMPOSSIBLE',
        `duplicates of file paths not supported: ${JSON.stringify(path)}`,
      )
    }
    this.#names.add(path)
    await this.#line({
      type: 1,
      name: isText && text !== '' ? text : undefined,
      name_raw: isText ? undefined : name.toString('base64'),
      size: size === 0 ? undefined : size,
      payload: size === 0 ? null : crc.toString('base64'),
    })
  }

  async #line(entry: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#write(`${encodeJson({ ...entry, position: this.#position++ })}\n`)
  }
}

function cleanPath(name: string): string {
  const path = posix.normalize(name)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
