import { randomBytes } from 'node:crypto'

import type { Digest, StoredSignature } from '@transload/contract'

export type SimpleSignature = Extract<StoredSignature, { kind: 'simple' }>

export interface NamedSignature {
  /** `DIGEST@` and 32 hexadecimal digits, which nobody else has made up. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Those of `wanted` that are not present, each once, with a name as OpenShift wants them. */
export function newSignatures(
  manifest: Digest,
  wanted: readonly SimpleSignature[],
  present: readonly Uint8Array[],
): readonly NamedSignature[] {
  const known = new Set(present.map(textOf))
  const added = new Map(wanted.map(({ bytes }) => [textOf(bytes), bytes]))
  return [...added]
    .filter(([text]) => !known.has(text))
    .map(([, bytes]) => ({ name: `${manifest}@${randomBytes(16).toString('hex')}`, bytes }))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
