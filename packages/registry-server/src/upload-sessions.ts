import type { DigestAlgorithm } from '@transload/contract'

import { refusal } from './refusal.ts'
import { Upload } from './upload.ts'
import type { WorkDirectory } from './work-directory.ts'

export interface UploadSessionsOptions {
  readonly workDirectory: WorkDirectory
  readonly expiryMs: number
  readonly maxUploads: number
}

/** The uploads that are open. Disposing drops them all. */
export class UploadSessions implements AsyncDisposable {
  readonly #options: UploadSessionsOptions
  readonly #uploads = new Map<string, Upload>()
  readonly #sweeper: NodeJS.Timeout

  constructor(options: UploadSessionsOptions) {
    this.#options = options
    this.#sweeper = setInterval(() => this.#dropExpired(), Math.max(options.expiryMs / 4, 100)).unref()
  }

  /** Throws a TOOMANYREQUESTS refusal. */
  async create(repository: string, algorithm: DigestAlgorithm): Promise<Upload> {
    if (this.#uploads.size >= this.#options.maxUploads) {
      throw refusal('TOOMANYREQUESTS', 'too many uploads are open')
    }
    const upload = await Upload.create(await this.#options.workDirectory.open(), repository, algorithm)
    this.#uploads.set(upload.id, upload)
    return upload
  }

  /** Throws a BLOB_UPLOAD_UNKNOWN refusal. */
  find(repository: string, id: string): Upload {
    const upload = this.#uploads.get(id)
    if (upload?.repository !== repository) throw refusal('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
    return upload
  }

  /** Ends an upload; its file goes unless it was taken over, when nobody writes to it any more. */
  async drop(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id)
    await upload.abandon()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper)
    const uploads = [...this.#uploads.values()]
    this.#uploads.clear()
    await Promise.all(uploads.map((upload) => upload[Symbol.asyncDispose]()))
  }

  #dropExpired(): void {
    const oldest = Date.now() - this.#options.expiryMs
    for (const upload of this.#uploads.values()) {
      // What cannot be removed now goes with the work directory.
      if (!upload.isBusy && upload.lastUsedMs < oldest) this.drop(upload).catch(() => {})
    }
  }
}
