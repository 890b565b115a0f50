import { TransloadError } from '@transload/contract'

/**
 * One element of DER (X.690): just enough for envelopes and the names in certificates. Written here because the
 * envelopes ocicrypt makes are not quite ASN.1 (pkcs7.ts), so that libraries refuse them.
 */
export interface DerElement {
  /** Class, constructed bit and number, all in one byte. */
  readonly tag: number
  readonly content: Uint8Array
  /** The element with its header. */
  readonly bytes: Uint8Array
}

export const derTags = { integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30, set: 0x31, context0: 0xa0 } as const

/** All elements in `bytes`, one after the other. Throws CONFIG_INVALID for what is not DER. */
export function readElements(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = []
  for (let offset = 0; offset < bytes.length;) {
    const element = readElement(bytes.subarray(offset))
    elements.push(element)
    offset += element.bytes.length
  }
  return elements
}

/** The children of a constructed element with this tag. Throws CONFIG_INVALID if it is another. */
export function childrenOf(element: DerElement | undefined, tag: number): readonly DerElement[] {
  if (element?.tag !== tag) throw notDer()
  return readElements(element.content)
}

/** An element around `contents`. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content])
  const digits = Buffer.from(length.toString(16).padStart(8, '0'), 'hex')
  const significant = digits.subarray(digits.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, content])
}

/** An object identifier, from its dotted form. */
export function derOid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return derElement(derTags.oid, ...[first * 40 + second, ...rest].map(base128))
}

function readElement(bytes: Uint8Array): DerElement {
  const [tag = 0, first = 0] = bytes
  const lengthBytes = first < 128 ? 0 : first & 0x7f
  if (bytes.length < 2 + lengthBytes || first === 128 || lengthBytes > 4) throw notDer()
  let length = lengthBytes === 0 ? first : 0
  for (const byte of bytes.subarray(2, 2 + lengthBytes)) length = length * 256 + byte
  const start = 2 + lengthBytes
  if (length > bytes.length - start) throw notDer()
  return { tag, content: bytes.subarray(start, start + length), bytes: bytes.subarray(0, start + length) }
}

function base128(value: number): Uint8Array {
  const digits = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 0x80)
  return Buffer.from(digits)
}

function notDer(): TransloadError {
  return new TransloadError('CONFIG_INVALID', 'not the ASN.1 (DER) that was expected')
}
