import { createHash, type Hash } from 'node:crypto'

import { TransloadError } from './errors.ts'

declare const digestBrand: unique symbol
/** `algorithm:hex`. Only {@link parseDigest} and hashing make one, so a value of this type is well-formed. */
export type Digest = string & { readonly [digestBrand]: true }

export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512'

const hexLength: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** Throws REFERENCE_INVALID with the texts that scripts written for skopeo match. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, colon)
  const hex = text.slice(colon + 1)
  const problem =
    colon <= 0 || !/^[A-Za-z][A-Za-z0-9]*([+._-][A-Za-z][A-Za-z0-9]*)*$/.test(algorithm)
      ? 'invalid checksum digest format'
      : !isDigestAlgorithm(algorithm)
        ? 'unsupported digest algorithm'
        : hex.length !== hexLength[algorithm]
          ? 'invalid checksum digest length'
          : /^[0-9a-f]+$/.test(hex)
            ? undefined
            : 'invalid checksum digest format'
  if (problem) throw new TransloadError('REFERENCE_INVALID', `${problem}: ${JSON.stringify(text.slice(0, 200))}`)
  return text as Digest
}

export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, colon)
  return (
    isDigestAlgorithm(algorithm) &&
    text.length === colon + 1 + hexLength[algorithm] &&
    /^[0-9a-f]+$/.test(text.slice(colon + 1))
  )
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm
}

/** The part after the colon. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return createDigester(algorithm).update(bytes).digest()
}

/** Hashes a stream: `update` as bytes come, `digest` once at the end. `size` counts the bytes so far. */
export interface Digester {
  readonly size: number
  update(bytes: Uint8Array): Digester
  digest(): Digest
}

export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  const hash: Hash = createHash(algorithm)
  let size = 0
  return {
    get size() {
      return size
    },
    update(bytes) {
      hash.update(bytes)
      size += bytes.length
      return this
    },
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  }
}

function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(hexLength, text)
}
