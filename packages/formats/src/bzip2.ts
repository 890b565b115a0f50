import { TransloadError } from '@transload/contract'

/**
 * Decompresses bzip2 data of any number of streams after one another. Node has no bzip2, and the libraries for it
 * hold the whole output of a block as an array of numbers. Holds one block (900 kB, and four bytes more for each) and
 * some 2.5 MB of input. Throws IO for damaged data; every block's CRC is checked.
 */
export async function* decompressBzip2(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = input[Symbol.asyncIterator]()
  try {
    const bits = new BitWindow(source)
    for (await bits.refill(); !bits.isAtEnd; await bits.refill()) yield* decodeStream(bits)
  } finally {
    await source.return?.()
  }
}

const blockMagic = 0x314159265359
const endMagic = 0x177245385090
/** More than any block: 900,000 symbols of at most 20 bits and the tables before them. */
const maxBlockBytes = 2.5 * 1024 * 1024
const maxCodeBits = 20
const outputChunkBytes = 256 * 1024

async function* decodeStream(bits: BitWindow): AsyncGenerator<Uint8Array> {
  const isBzip2 = bits.read(24) === 0x425a68
  const level = bits.read(8) - 0x30
  if (!isBzip2 || level < 1 || level > 9) throw damaged('no stream where one should begin')
  const block = new Uint32Array(level * 100_000)
  let streamCrc = 0
  for (;;) {
    await bits.refill()
    const magic = bits.read(24) * 0x1000000 + bits.read(24)
    const crc = bits.readWord()
    if (magic === endMagic) {
      if (crc !== streamCrc) throw damaged('wrong checksum of a stream')
      bits.align()
      return
    }
    if (magic !== blockMagic) throw damaged('no block where one should begin')
    const isRandomized = bits.read(1) === 1
    if (isRandomized) throw damaged('the obsolete randomized form is not supported')
    const origin = bits.read(24)
    const length = decodeSymbols(bits, block)
    if (origin >= length) throw damaged('block begins outside itself')
    bits.checkNotPastEnd()
    yield* restoreBlock(block.subarray(0, length), origin, crc)
    streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ crc) >>> 0
  }
}

/** Undoes Huffman coding, run lengths of zeros and move-to-front; returns how much of `block` was filled. */
function decodeSymbols(bits: BitWindow, block: Uint32Array): number {
  const recent = readUsedBytes(bits)
  const endOfBlock = recent.length + 1
  const groupCount = bits.read(3)
  if (groupCount < 2 || groupCount > 6) throw damaged('wrong number of code tables')
  const selectors = readSelectors(bits, groupCount)
  const codes = Array.from({ length: groupCount }, () => readCode(bits, recent.length + 2))
  let length = 0
  let run = 0
  let runDigit = 1
  for (let group = 0; group < selectors.length; group++) {
    const code = codes[selectors[group]!]!
    for (let left = 50; left > 0; left--) {
      const symbol = readSymbol(bits, code)
      if (symbol <= 1) {
        run += runDigit << symbol
        runDigit *= 2
        if (run > block.length) throw damaged('block too long')
        continue
      }
      if (run > 0) {
        if (length + run > block.length) throw damaged('block too long')
        block.fill(recent[0]!, length, length + run)
        length += run
        run = 0
      }
      runDigit = 1
      if (symbol === endOfBlock) return length
      if (length >= block.length) throw damaged('block too long')
      const byte = recent[symbol - 1]!
      recent.copyWithin(1, 0, symbol - 1)
      recent[0] = byte
      block[length++] = byte
    }
  }
  throw damaged('block without an end')
}

/** The byte values that occur in a block, in order. */
function readUsedBytes(bits: BitWindow): Uint8Array {
  const rows = bits.read(16)
  const used: number[] = []
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >>> row)) === 0) continue
    const columns = bits.read(16)
    for (let column = 0; column < 16; column++) if ((columns & (0x8000 >>> column)) !== 0) used.push(row * 16 + column)
  }
  if (used.length === 0) throw damaged('block without bytes')
  return Uint8Array.from(used)
}

function readSelectors(bits: BitWindow, groupCount: number): Uint8Array {
  const recent = Uint8Array.from({ length: groupCount }, (_, index) => index)
  const selectors = new Uint8Array(bits.read(15))
  for (let index = 0; index < selectors.length; index++) {
    let position = 0
    while (bits.read(1) === 1) if (++position >= groupCount) throw damaged('wrong code table')
    const selected = recent[position]!
    recent.copyWithin(1, 0, position)
    recent[0] = selected
    selectors[index] = selected
  }
  return selectors
}

/** A canonical Huffman code. For each length, codes left-aligned in 20 bits are below `limit`. */
interface HuffmanCode {
  readonly minBits: number
  readonly limit: Int32Array
  /** What to subtract from a code of this length to get its place in `symbols`. */
  readonly base: Int32Array
  readonly symbols: Uint16Array
}

function readCode(bits: BitWindow, symbolCount: number): HuffmanCode {
  const lengths = new Uint8Array(symbolCount)
  let length = bits.read(5)
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    while (bits.read(1) === 1) length += bits.read(1) === 1 ? -1 : 1
    if (length < 1 || length > maxCodeBits) throw damaged('wrong code length')
    lengths[symbol] = length
  }
  const limit = new Int32Array(maxCodeBits + 1)
  const base = new Int32Array(maxCodeBits + 1)
  const symbols = new Uint16Array(symbolCount)
  let code = 0
  let placed = 0
  for (let size = 1; size <= maxCodeBits; size++) {
    base[size] = code - placed
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] !== size) continue
      symbols[placed++] = symbol
      code++
    }
    limit[size] = code * 2 ** (maxCodeBits - size)
    code *= 2
  }
  return { minBits: lengths.reduce((least, size) => Math.min(least, size)), limit, base, symbols }
}

function readSymbol(bits: BitWindow, { minBits, limit, base, symbols }: HuffmanCode): number {
  const ahead = bits.peek(maxCodeBits)
  let size = minBits
  while (ahead >= limit[size]!) if (++size > maxCodeBits) throw damaged('wrong code')
  bits.skip(size)
  return symbols[(ahead >>> (maxCodeBits - size)) - base[size]!]!
}

/** Undoes the Burrows-Wheeler transform in place, then the run lengths the original bytes were written with. */
function* restoreBlock(block: Uint32Array, origin: number, expectedCrc: number): Generator<Uint8Array> {
  const starts = new Uint32Array(257)
  for (const byte of block) starts[byte + 1]!++
  for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!
  for (let index = 0; index < block.length; index++) {
    const place = starts[block[index]! & 0xff]!++
    block[place]! |= index << 8
  }
  let output = new Uint8Array(outputChunkBytes)
  let filled = 0
  let crc = -1
  let previous = -1
  let repeats = 0
  let next = block[origin]! >>> 8
  for (let left = block.length; left > 0; left--) {
    const entry = block[next]!
    const byte = entry & 0xff
    next = entry >>> 8
    let count = 1
    if (repeats === 4) {
      count = byte
      repeats = 0
    } else {
      repeats = byte === previous ? repeats + 1 : 1
      previous = byte
    }
    // After four equal bytes comes a count of more of them, which begins no new run.
    const value = repeats === 0 ? previous : byte
    if (repeats === 0) previous = -1
    if (filled + count > output.length) {
      yield output.subarray(0, filled)
      output = new Uint8Array(outputChunkBytes)
      filled = 0
    }
    for (; count > 0; count--) {
      output[filled++] = value
      crc = (crc << 8) ^ crcTable[((crc >>> 24) ^ value) & 0xff]!
    }
  }
  if (~crc >>> 0 !== expectedCrc) throw damaged('wrong checksum of a block')
  yield output.subarray(0, filled)
}

/** CRC-32 with the highest bit first. */
const crcTable = Int32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})

/** Bits of the input, highest first. Reading is synchronous within what the last `refill` made available. */
class BitWindow {
  readonly #source: AsyncIterator<Uint8Array>
  #data: Uint8Array = new Uint8Array(0)
  /** Bytes of `#data` that are input; some zeros follow, so that `peek` needs no check. */
  #length = 0
  /** In bits. */
  #position = 0
  #isSourceAtEnd = false

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source
  }

  /** True when no whole byte is left, provided `refill` was called. */
  get isAtEnd(): boolean {
    return this.#position > this.#length * 8 - 8
  }

  /** Has the next block at hand whole. */
  async refill(): Promise<void> {
    this.checkNotPastEnd()
    const first = this.#position >>> 3
    if (this.#isSourceAtEnd || this.#length - first >= maxBlockBytes) return
    const pieces: Uint8Array[] = [this.#data.slice(first, this.#length)]
    let length = pieces[0]!.length
    // Twice as much as is needed, so that what is left is not copied for every block.
    while (length < 2 * maxBlockBytes) {
      const next = await this.#source.next()
      if (next.done) {
        this.#isSourceAtEnd = true
        break
      }
      pieces.push(next.value)
      length += next.value.length
    }
    this.#data = Buffer.concat([...pieces, Buffer.alloc(8)], length + 8)
    this.#length = length
    this.#position &= 7
  }

  /** The next bits, at most 24, zeros past the end. */
  peek(count: number): number {
    const byte = this.#position >>> 3
    const data = this.#data
    const word = (data[byte]! << 24) | (data[byte + 1]! << 16) | (data[byte + 2]! << 8) | data[byte + 3]!
    return (word << (this.#position & 7)) >>> (32 - count)
  }

  skip(count: number): void {
    this.#position += count
  }

  read(count: number): number {
    const value = this.peek(count)
    this.#position += count
    return value
  }

  readWord(): number {
    return this.read(16) * 0x10000 + this.read(16)
  }

  /** To the next whole byte. */
  align(): void {
    this.#position = Math.ceil(this.#position / 8) * 8
  }

  checkNotPastEnd(): void {
    if (this.#position > this.#length * 8) throw damaged('unexpected end')
  }
}

function damaged(problem: string): TransloadError {
  return new TransloadError('IO', `damaged bzip2 data: ${problem}`)
}
