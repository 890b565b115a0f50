import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { DigestAlgorithm } from '@transload/contract'

import { refusal } from './refusal.ts'
import { Upload } from './upload.ts'

export interface UploadSessionsOptions {
  /** The layout; uploads lie in a directory of their own in it, so that a finished one only has to be renamed. */
  readonly layoutDirectory: string
  readonly expiryMs: number
  readonly maxUploads: number
}

/** The uploads that are open. Disposing drops them all. */
export class UploadSessions implements AsyncDisposable {
  readonly #directory: string
  readonly #options: UploadSessionsOptions
  readonly #uploads = new Map<string, Upload>()
  readonly #sweeper: NodeJS.Timeout
  #ready: Promise<unknown> | undefined

  constructor(options: UploadSessionsOptions) {
    this.#options = options
    this.#directory = join(options.layoutDirectory, 'transload-uploads')
    this.#sweeper = setInterval(() => void this.#dropExpired(), Math.max(options.expiryMs / 4, 100)).unref()
  }

  /** Throws a TOOMANYREQUESTS refusal. */
  async create(repository: string, algorithm: DigestAlgorithm): Promise<Upload> {
    if (this.#uploads.size >= this.#options.maxUploads) {
      throw refusal('TOOMANYREQUESTS', 'too many uploads are open')
    }
    await (this.#ready ??= mkdir(this.#directory, { recursive: true }))
    const upload = await Upload.create(this.#directory, repository, algorithm)
    this.#uploads.set(upload.id, upload)
    return upload
  }

  /** Throws a BLOB_UPLOAD_UNKNOWN refusal. */
  find(repository: string, id: string): Upload {
    const upload = this.#uploads.get(id)
    if (upload?.repository !== repository) throw refusal('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
    return upload
  }

  /** Ends an upload; its file goes unless it was taken over. */
  async drop(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id)
    await upload[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper)
    await Promise.all([...this.#uploads.values()].map((upload) => this.drop(upload)))
  }

  async #dropExpired(): Promise<void> {
    const oldest = Date.now() - this.#options.expiryMs
    for (const upload of this.#uploads.values()) {
      if (!upload.isBusy && upload.lastUsedMs < oldest) await this.drop(upload)
    }
  }
}
