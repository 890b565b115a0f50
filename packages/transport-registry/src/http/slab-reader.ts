import type { OnReadOpts } from 'node:net'

const smallSlabBytes = 16 * 1024
/** Measured: larger ones save little time and keep up to 40 MB more waiting for the garbage collector. */
const largeSlabBytes = 128 * 1024
/** A read into less room than this is not worth a system call while a body is coming. */
const minReadBytes = 32 * 1024
const minSmallReadBytes = 4 * 1024

/**
 * The buffers a socket is read into (`onread` of `node:net` and `node:tls`). Node reads straight into them, so a byte
 * is copied once, out of the kernel. A buffer is filled from front to back and never twice: what was handed on belongs
 * to whoever got it, however long a slow reader keeps it and whether or not the socket heeds a pause (TLS does not).
 */
export class SlabReader {
  readonly onread: OnReadOpts
  #slab = Buffer.allocUnsafeSlow(smallSlabBytes)
  #filled = 0
  readonly #expectedBytes: () => number

  /**
   * `expectedBytes`: how much more is known to come. `received` gets each read, and returns whether to go on reading.
   */
  constructor(expectedBytes: () => number, received: (bytes: Buffer) => boolean) {
    this.#expectedBytes = expectedBytes
    this.onread = {
      buffer: () => this.#room(),
      callback: (count) => {
        const start = this.#filled
        this.#filled += count
        return received(this.#slab.subarray(start, this.#filled))
      },
    }
  }

  #room(): Buffer {
    const expected = this.#expectedBytes()
    const free = this.#slab.length - this.#filled
    if (free < Math.max(minSmallReadBytes, Math.min(expected, minReadBytes))) {
      this.#slab = Buffer.allocUnsafeSlow(Math.min(largeSlabBytes, Math.max(smallSlabBytes, expected)))
      this.#filled = 0
    }
    return this.#slab.subarray(this.#filled)
  }
}
