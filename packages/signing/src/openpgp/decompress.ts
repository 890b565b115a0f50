import { createInflate, createInflateRaw } from 'node:zlib'

import { collect, errorMessage, throughTransform, type Stage } from '@transload/contract'
import { decompressor } from '@transload/formats'

import { invalidSignature } from '../invalid-signature.ts'

/**
 * The content of a compressed packet (RFC 9580 §5.6). Throws SIGNATURE_INVALID if it is damaged, would be more than
 * `maxBytes`, or is compressed in a way of its own.
 */
export async function decompressBody(body: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const stage = stages[body[0] ?? -1]
  if (stage === undefined) throw invalidSignature(`unknown compression algorithm ${body[0] ?? 'of nothing'}`)
  try {
    return await collect(stage(once(body.subarray(1))), maxBytes, 'the decompressed signature')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'Z_BUF_ERROR') {
      throw invalidSignature('unexpected EOF', cause)
    }
    throw invalidSignature(`cannot decompress the signature: ${errorMessage(cause)}`, cause)
  }
}

const stages: Readonly<Record<number, Stage>> = {
  0: (input) => input,
  1: throughTransform(createInflateRaw),
  2: throughTransform(createInflate),
  3: decompressor('bzip2'),
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
