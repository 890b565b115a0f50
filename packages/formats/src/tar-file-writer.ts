import type { FileHandle } from 'node:fs/promises'

import { TransloadError, type OperationOptions } from '@transload/contract'

import { readFileRange } from './file-range.ts'
import { spool } from './spool-file.ts'
import { encodeTarHeader, tarBlockBytes, tarPaddingBytes } from './tar-header.ts'
import {
  oneChunk,
  sizeMismatch,
  tarEndBytes,
  withTarPadding,
  type NewTarFile,
  type TarWriter,
  type TarWriterOptions,
} from './tar-writer.ts'
import { writeStream } from './write-stream.ts'

/**
 * Writes a tar to an empty, seekable file, several entries at once: one of known size gets its place reserved and is
 * written there whatever else goes on. One of unknown size is written at the end of the archive if no other is, and
 * else waits in a temporary file. Places that stay empty, because a body failed, are closed up by `finish`.
 */
export class TarFileWriter implements TarWriter {
  readonly #handle: FileHandle
  readonly #options: TarWriterOptions
  readonly #names = new Set<string>()
  readonly #entries: Place[] = []
  /** Where the next place begins, unless a file is growing there. */
  #end = 0
  /** While a file of unknown size is written at the end: resolves when it is done. */
  #growing: Promise<void> | undefined

  constructor(handle: FileHandle, options: TarWriterOptions) {
    this.#handle = handle
    this.#options = options
  }

  async addFile(file: NewTarFile, options: OperationOptions = {}): Promise<void> {
    const { size } = file
    if (this.#growing) await this.#addSpooled(file, options)
    else if (size !== undefined) await this.#addPlaced({ ...file, size }, options)
    else {
      const growing = this.#addGrowing(file, options)
      const isDone = (): void => {
        this.#growing = undefined
      }
      this.#growing = growing.then(isDone, isDone)
      await growing
    }
  }

  async addBytes(name: string, bytes: Uint8Array, options: OperationOptions = {}): Promise<void> {
    await this.#addPlaced({ name, size: bytes.length, body: oneChunk(bytes) }, options)
  }

  async addSymlink(name: string, target: string, options: OperationOptions = {}): Promise<void> {
    const header = this.#header(name, 0, target)
    const place = await this.#reserve(header.length)
    await writeStream(this.#handle, oneChunk(header), { signal: options.signal, position: place.start })
    this.#entries.push(place)
  }

  async finish(options: OperationOptions = {}): Promise<void> {
    let end = 0
    for (const place of this.#entries.sort((one, other) => one.start - other.start)) {
      const length = place.end - place.start
      if (place.start > end) {
        // What moves down in steps never overtakes what is still to be read.
        await writeStream(this.#handle, readFileRange(this.#handle, place.start, place.end, options), {
          signal: options.signal,
          position: end,
        })
      }
      end += length
    }
    await writeStream(this.#handle, oneChunk(Buffer.alloc(tarEndBytes)), { signal: options.signal, position: end })
    await this.#handle.truncate(end + tarEndBytes)
  }

  async #addSpooled(file: NewTarFile, options: OperationOptions): Promise<void> {
    await using spooled = await spool(file.body, { signal: options.signal, tempDirectory: this.#options.tempDirectory })
    const { handle, size } = spooled
    if (file.size !== undefined && file.size !== size) throw sizeMismatch(file.size, size)
    const name = typeof file.name === 'string' ? file.name : file.name()
    if (name === undefined || this.#names.has(name)) return
    await this.#addPlaced({ name, size, body: readFileRange(handle, 0, size, options) }, options)
  }

  async #addPlaced(file: NewTarFile & { readonly size: number }, options: OperationOptions): Promise<void> {
    const headerBytes = typeof file.name === 'string' ? this.#header(file.name, 0).length : tarBlockBytes
    const place = await this.#reserve(headerBytes + file.size + tarPaddingBytes(file.size))
    const position = place.start + headerBytes
    await writeStream(this.#handle, withTarPadding(file.body, file.size), { signal: options.signal, position })
    await this.#complete(file, place, headerBytes, file.size, options)
  }

  async #addGrowing(file: NewTarFile, options: OperationOptions): Promise<void> {
    const start = this.#end
    const position = start + tarBlockBytes
    const count = { bytes: 0 }
    const written = await writeStream(this.#handle, withTarPadding(file.body, undefined, count), {
      signal: options.signal,
      position,
    })
    const place = { start, end: position + written }
    if (await this.#complete(file, place, tarBlockBytes, count.bytes, options)) this.#end = place.end
  }

  /** Checks and reserves without a pause in between: several may have waited for the same growing file. */
  async #reserve(bytes: number): Promise<Place> {
    while (this.#growing) await this.#growing
    const start = this.#end
    this.#end += bytes
    return { start, end: this.#end }
  }

  /** The header comes last: until then the place counts as empty. False when the file is left out after all. */
  async #complete(
    file: NewTarFile,
    place: Place,
    headerBytes: number,
    size: number,
    { signal }: OperationOptions,
  ): Promise<boolean> {
    signal?.throwIfAborted()
    const name = typeof file.name === 'string' ? file.name : file.name()
    if (name === undefined || this.#names.has(name)) return false
    const header = this.#header(name, size)
    if (header.length !== headerBytes) throw new TransloadError('IO', `tar entry ${name}: name too long`)
    this.#names.add(name)
    try {
      await writeStream(this.#handle, oneChunk(header), { position: place.start })
    } catch (error) {
      this.#names.delete(name)
      throw error
    }
    this.#entries.push(place)
    return true
  }

  #header(name: string, size: number, linkTo?: string): Buffer {
    const { mode, modifiedSeconds = 0 } = this.#options
    const isLink = linkTo !== undefined
    return encodeTarHeader({ name, size, mode: isLink ? 0 : mode, modifiedSeconds, ...(isLink ? { linkTo } : {}) })
  }
}

/** Part of the file, in bytes; `end` is not included. */
interface Place {
  readonly start: number
  readonly end: number
}
