import { once } from 'node:events'
import { Socket } from 'node:net'

import { TransloadError } from '@transload/contract'

/** The write end of a pipe, and what goes into it in the background. Disposing it closes the pipe, whatever is left. */
export class PayloadPipe implements AsyncDisposable {
  readonly #end: Socket
  readonly #writing: Promise<void>
  #error: Error | undefined

  /** Takes the descriptor `writeEnd` over. What `body` throws is for `finish` to report. */
  constructor(writeEnd: number, body: AsyncIterable<Uint8Array>) {
    // Only this end stops blocking: the client's is another file description.
    this.#end = new Socket({ fd: writeEnd, readable: false, writable: true })
    this.#end.on('error', (error) => (this.#error ??= error))
    this.#writing = this.#write(body)
    // It may fail long before anybody asks.
    this.#writing.catch(() => {})
  }

  /** Resolves when everything is written, or throws why it is not, and closes the pipe: only now the client sees its end. */
  async finish(): Promise<void> {
    try {
      await this.#writing
      await this.#close()
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#end.destroyed) this.#end.destroy()
    if (!this.#end.closed) await once(this.#end, 'close')
    await this.#writing.catch(() => {})
  }

  async #write(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      this.#throwIfClosed()
      if (!this.#end.write(chunk)) await this.#drained()
    }
    this.#throwIfClosed()
  }

  async #close(): Promise<void> {
    if (this.#end.destroyed) throw this.#error ?? abandoned()
    const closed = new Promise<void>((resolve) => this.#end.once('close', () => resolve()))
    this.#end.end()
    await closed
    if (this.#error) throw this.#error
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#end.off('drain', done)
        this.#end.off('close', done)
        resolve()
      }
      this.#end.on('drain', done)
      this.#end.on('close', done)
    })
  }

  #throwIfClosed(): void {
    if (this.#error) throw this.#error
    if (this.#end.destroyed) throw abandoned()
  }
}

function abandoned(): TransloadError {
  return new TransloadError('ABORTED', 'the pipe has been closed')
}
