import { createDigester, digestAlgorithm, TransloadError, type Descriptor, type Stage } from '@transload/contract'

/** Whether a stream carried what its descriptor says. */
export interface Verification {
  /** The stream went through to its end and was right. */
  readonly succeeded: boolean
  /** Bytes that went through so far. */
  readonly size: number
  /**
   * Passes bytes on and hashes them once. Throws SIZE_MISMATCH as soon as there are too many, and DIGEST_MISMATCH
   * (or SIZE_MISMATCH) after the last one, so that whoever stores them is still inside its own loop. Used once.
   */
  readonly stage: Stage
}

/** The size of a blob whose descriptor does not say it is whatever it turns out to be. */
export function createVerification({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Verification {
  const digester = createDigester(digestAlgorithm(digest))
  let succeeded = false
  return {
    get succeeded() {
      return succeeded
    },
    get size() {
      return digester.size
    },
    stage: async function* (input) {
      for await (const chunk of input) {
        digester.update(chunk)
        if (size !== undefined && digester.size > size) throw wrongSize(digest, size, 'more')
        yield chunk
      }
      const got = digester.digest()
      if (got !== digest) {
        throw new TransloadError('DIGEST_MISMATCH', `Digest did not match, expected ${digest}, got ${got}`)
      }
      if (size !== undefined && digester.size !== size) throw wrongSize(digest, size, digester.size)
      succeeded = true
    },
  }
}

function wrongSize(digest: string, expected: number, got: number | 'more'): TransloadError {
  return new TransloadError('SIZE_MISMATCH', `Size of ${digest} did not match, expected ${expected}, got ${got}`)
}
