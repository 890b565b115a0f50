import { TransloadError, type OperationOptions } from '@transload/contract'

import { readFileRange } from './file-range.ts'
import { spool } from './spool-file.ts'
import { encodeTarHeader } from './tar-header.ts'
import {
  oneChunk,
  sizeMismatch,
  tarEndBytes,
  withTarPadding,
  type NewTarFile,
  type TarWriter,
  type TarWriterOptions,
} from './tar-writer.ts'

/**
 * Writes a tar to where nothing can be taken back, such as a pipe or a request's body: one entry at a time, and one
 * of unknown name or size only after it waited in a temporary file. When a body fails that was being written, the
 * archive is broken off there and everything later throws IO.
 */
export class TarStreamWriter implements TarWriter {
  /** Takes bytes to be written; resolves when it takes more. It is called again only then. */
  readonly #write: (bytes: Uint8Array) => Promise<void>
  readonly #options: TarWriterOptions
  readonly #names = new Set<string>()
  #lastInLine: Promise<void> = Promise.resolve()
  #isBroken = false

  constructor(write: (bytes: Uint8Array) => Promise<void>, options: TarWriterOptions) {
    this.#write = write
    this.#options = options
  }

  async addFile(file: NewTarFile, options: OperationOptions = {}): Promise<void> {
    const { name, size } = file
    if (typeof name === 'string' && size !== undefined) {
      await this.#addWhole(name, size, file.body, options)
      return
    }
    await using spooled = await spool(file.body, { signal: options.signal, tempDirectory: this.#options.tempDirectory })
    if (size !== undefined && size !== spooled.size) throw sizeMismatch(size, spooled.size)
    const chosen = typeof name === 'string' ? name : name()
    if (chosen === undefined) return
    await this.#addWhole(chosen, spooled.size, readFileRange(spooled.handle, 0, spooled.size, options), options)
  }

  async addBytes(name: string, bytes: Uint8Array, options: OperationOptions = {}): Promise<void> {
    await this.#addWhole(name, bytes.length, oneChunk(bytes), options)
  }

  async addSymlink(name: string, target: string, options: OperationOptions = {}): Promise<void> {
    const { modifiedSeconds = 0 } = this.#options
    const header = encodeTarHeader({ name, size: 0, linkTo: target, mode: 0, modifiedSeconds })
    await this.#exclusive(() => this.#writeAll(oneChunk(header), options))
  }

  async finish(options: OperationOptions = {}): Promise<void> {
    await this.#exclusive(() => this.#writeAll(oneChunk(Buffer.alloc(tarEndBytes)), options))
  }

  async #addWhole(
    name: string,
    size: number,
    body: AsyncIterable<Uint8Array>,
    options: OperationOptions,
  ): Promise<void> {
    await this.#exclusive(async () => {
      if (this.#names.has(name)) {
        // Still read: its end says whether the content was right.
        for await (const _ of body) options.signal?.throwIfAborted()
        return
      }
      const { mode, modifiedSeconds = 0 } = this.#options
      await this.#writeAll(entry(encodeTarHeader({ name, size, mode, modifiedSeconds }), body, size), options)
      this.#names.add(name)
    })
  }

  async #exclusive(task: () => Promise<void>): Promise<void> {
    const turn = this.#lastInLine.then(() => {
      if (this.#isBroken) throw new TransloadError('IO', 'tar stream was broken off by an earlier failure')
      return task()
    })
    this.#lastInLine = turn.catch(() => {})
    await turn
  }

  async #writeAll(bytes: AsyncIterable<Uint8Array>, { signal }: OperationOptions): Promise<void> {
    for await (const chunk of bytes) {
      signal?.throwIfAborted()
      this.#isBroken = true
      await this.#write(chunk)
    }
    signal?.throwIfAborted()
    this.#isBroken = false
  }
}

/** A body that fails at once has broken nothing: the header waits for its first chunk. */
async function* entry(header: Uint8Array, body: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let isBegun = false
  for await (const chunk of withTarPadding(body, size)) {
    if (!isBegun) yield header
    isBegun = true
    yield chunk
  }
  if (!isBegun) yield header
}
