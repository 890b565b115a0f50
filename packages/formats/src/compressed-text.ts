import { TransloadError } from '@transload/contract'

import type { ZstdFrames } from './zstd-frames.ts'

export interface Compressed {
  readonly bytes: Uint8Array
  readonly plainBytes: number
}

/** Readers refuse tables of contents that are longer. */
const maxTextBytes = 150 * 1024 * 1024
const textFrameBytes = 1024 * 1024
/** In UTF-8, of a UTF-16 code unit. */
const maxBytesOfCharacter = 3

/** Text that is kept compressed while it grows. */
export class CompressedText {
  hasEntries = false
  readonly #encoder: ZstdFrames
  readonly #frames: Uint8Array[] = []
  readonly #pending = Buffer.allocUnsafeSlow(textFrameBytes)
  #pendingBytes = 0
  #plainBytes = 0

  constructor(encoder: ZstdFrames) {
    this.#encoder = encoder
  }

  async add(text: string): Promise<void> {
    if (text.length * maxBytesOfCharacter <= this.#pending.length - this.#pendingBytes) {
      this.#advance(this.#pending.write(text, this.#pendingBytes))
      return
    }
    for (let rest = Buffer.from(text); rest.length > 0;) {
      const taken = rest.copy(this.#pending, this.#pendingBytes)
      rest = rest.subarray(taken)
      this.#advance(taken)
      if (this.#pendingBytes === this.#pending.length) await this.#flush()
    }
  }

  async end(): Promise<Compressed> {
    if (this.#pendingBytes > 0 || this.#frames.length === 0) await this.#flush()
    return { bytes: Buffer.concat(this.#frames), plainBytes: this.#plainBytes }
  }

  #advance(bytes: number): void {
    this.#pendingBytes += bytes
    this.#plainBytes += bytes
    if (this.#plainBytes > maxTextBytes) {
      throw new TransloadError(
        'SIZE_LIMIT',
        `table of contents of a zstd:chunked layer: exceeded maximum allowed size of ${maxTextBytes} bytes`,
        { hint: 'Use plain zstd.' },
      )
    }
  }

  async #flush(): Promise<void> {
    const pending = this.#pending.subarray(0, this.#pendingBytes)
    this.#pendingBytes = 0
    this.#frames.push(await this.#encoder.encode(pending))
  }
}
