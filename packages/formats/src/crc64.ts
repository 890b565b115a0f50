/**
 * CRC-64 of ISO 3309 (x⁶⁴+x⁴+x³+x+1, reflected, all ones before and after), as tar-split records it. Its polynomial has
 * so few terms that 32 bits at a time take a handful of shifts and no table.
 */
export interface Crc64 {
  update(bytes: Uint8Array): void
  /** Eight bytes, big-endian, of everything so far. */
  digest(): Buffer
}

export function createCrc64(): Crc64 {
  let high = -1
  let low = -1
  return {
    update(bytes) {
      const wordsEnd = bytes.length - (bytes.length % 4)
      let index = 0
      for (; index < wordsEnd; index += 4) {
        const next =
          low ^ (bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24))
        low = high ^ (next << 31) ^ (next << 29) ^ (next << 28)
        high = next ^ (next >>> 1) ^ (next >>> 3) ^ (next >>> 4)
      }
      for (; index < bytes.length; index++) {
        const next = (low ^ bytes[index]!) & 0xff
        low = (low >>> 8) | (high << 24)
        high = (high >>> 8) ^ (next << 24) ^ (next << 23) ^ (next << 21) ^ (next << 20)
      }
    },
    digest() {
      const sum = Buffer.alloc(8)
      sum.writeUInt32BE(~high >>> 0, 0)
      sum.writeUInt32BE(~low >>> 0, 4)
      return sum
    },
  }
}
