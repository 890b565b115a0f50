import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { createDigester, digestAlgorithm, type Digest, type DigestAlgorithm, type Digester } from '@transload/contract'

import { refusal } from './refusal.ts'

const batchBytes = 1024 * 1024

/**
 * A blob on its way in: a temporary file and the hash of what it holds so far. It outlives the requests that write
 * to it; one at a time may. Disposing removes the file unless it was taken over.
 */
export class Upload implements AsyncDisposable {
  /** Unguessable. */
  readonly id: string
  readonly repository: string
  readonly path: string
  lastUsedMs = Date.now()
  readonly #handle: FileHandle
  readonly #digester: Digester
  readonly #algorithm: DigestAlgorithm
  #isBusy = false
  #isBroken = false
  #isAbandoned = false
  #isClosed = false

  /** `algorithm`: of the digest the upload will probably end with. */
  static async create(directory: string, repository: string, algorithm: DigestAlgorithm): Promise<Upload> {
    const id = randomUUID()
    const path = join(directory, id)
    return new Upload(id, repository, path, await open(path, 'wx', 0o644), algorithm)
  }

  private constructor(id: string, repository: string, path: string, handle: FileHandle, algorithm: DigestAlgorithm) {
    this.id = id
    this.repository = repository
    this.path = path
    this.#handle = handle
    this.#algorithm = algorithm
    this.#digester = createDigester(algorithm)
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#digester.size
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** The file does not hold what was received (a full disk): nothing but disposing is left to do. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Runs `work` while no other request may write. Throws a BLOB_UPLOAD_INVALID refusal when one does. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw refusal('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', 409)
    this.#isBusy = true
    try {
      return await work()
    } finally {
      this.#isBusy = false
      this.lastUsedMs = Date.now()
      if (this.#isAbandoned) await this[Symbol.asyncDispose]()
    }
  }

  /** Adds a body. When it breaks off, what came is kept, so that the client can go on from `size`; the error is thrown. */
  async append(body: AsyncIterable<Uint8Array>): Promise<void> {
    let batch: Uint8Array[] = []
    let held = 0
    let inFlight: Promise<void> = Promise.resolve()
    let position = this.size
    const flush = async (): Promise<void> => {
      await inFlight
      if (held === 0) return
      inFlight = this.#write(batch, held, position)
      // Awaited with the next batch; until then a failure must not count as unhandled.
      inFlight.catch(() => {})
      position += held
      batch = []
      held = 0
    }
    try {
      for await (const chunk of body) {
        this.lastUsedMs = Date.now()
        this.#digester.update(chunk)
        batch.push(chunk)
        held += chunk.length
        if (held >= batchBytes) await flush()
      }
    } finally {
      await flush()
      await inFlight
    }
  }

  /** Closes the file, complete and with the digest the client said, for another to take over. Throws a DIGEST_INVALID refusal. */
  async finish(expected: Digest): Promise<void> {
    await this.#close()
    const algorithm = digestAlgorithm(expected)
    const actual = algorithm === this.#algorithm ? this.#digester.digest() : await fileDigest(this.path, algorithm)
    if (actual !== expected) {
      throw refusal('DIGEST_INVALID', `provided digest ${expected} did not match uploaded content ${actual}`)
    }
  }

  /** Disposes it, if a request is writing to it as soon as that has ended. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    if (!this.#isBusy) await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    await rm(this.path, { force: true })
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#handle.close()
  }

  async #write(chunks: readonly Uint8Array[], size: number, position: number): Promise<void> {
    try {
      const { bytesWritten } = await this.#handle.writev(chunks, position)
      if (bytesWritten === size) return
      const rest = Buffer.concat(chunks, size)
      for (let written = bytesWritten; written < size;) {
        written += (await this.#handle.write(rest, written, size - written, position + written)).bytesWritten
      }
    } catch (error) {
      this.#isBroken = true
      throw error
    }
  }
}

async function fileDigest(path: string, algorithm: DigestAlgorithm): Promise<Digest> {
  const digester = createDigester(algorithm)
  for await (const chunk of createReadStream(path, { highWaterMark: batchBytes })) digester.update(chunk as Uint8Array)
  return digester.digest()
}
